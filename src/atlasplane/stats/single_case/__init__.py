"""One person before and after: overlap, trend, randomisation, regression, effect sizes, designs."""
