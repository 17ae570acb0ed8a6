"""What was measured, for people and machines: JSON documents, and one view-model shown as HTML and PDF."""
