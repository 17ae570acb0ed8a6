// Turns the bones in space. Plain WebGL, nothing fetched; where it cannot run, the still pictures stand alone.
(() => {
  "use strict";

  const root = document.getElementById("bones-viewer");
  const source = document.getElementById("bones-data");
  if (!root || !source) return;
  const canvas = root.querySelector("canvas.scene");
  const paper = root.querySelector("canvas.marks");
  const said = root.querySelector("[aria-live]");
  const gl = canvas.getContext("webgl", { antialias: true, alpha: false });
  const pen = paper.getContext("2d");
  if (!gl || !pen) return;

  const data = JSON.parse(source.textContent);
  const WIDTH_MM = 146;
  const STEP_RAD = Math.PI / 36;
  const IVORY_CUT = [0.85, 0.78, 0.69];
  const SKULL_NAMES = { cut: "cut open", clear: "clear", off: "left out" };

  const state = { axes: [], cuts: [], zoom: 1, scene: 0, skull: "cut", title: "" };

  // ---- numbers -------------------------------------------------------------------------------------------------
  const bytes = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)).buffer;
  const dot = (a, b) => a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
  const rows = (m) => [m.slice(0, 3), m.slice(3, 6), m.slice(6, 9)];

  /** Product of two 3 x 3 matrices given as rows. */
  const product = (a, b) => a.map((row) => [0, 1, 2].map((k) => row[0] * b[0][k] + row[1] * b[1][k] + row[2] * b[2][k]));

  /** Rotation by an angle about one of the picture's own axes. */
  function turn(axis, angle) {
    const c = Math.cos(angle);
    const s = Math.sin(angle);
    return axis === 0 ? [[1, 0, 0], [0, c, -s], [0, s, c]] : [[c, 0, s], [0, 1, 0], [-s, 0, c]];
  }

  /** Rows made square to each other again after many small turns. */
  function squared(axes) {
    const unit = (v) => v.map((x) => x / Math.hypot(...v));
    const near = unit(axes[2]);
    const along = dot(axes[1], near);
    const up = unit(axes[1].map((x, k) => x - along * near[k]));
    const right = [up[1] * near[2] - up[2] * near[1], up[2] * near[0] - up[0] * near[2], up[0] * near[1] - up[1] * near[0]];
    return [right, up, near];
  }

  function normalsOf(at, faces) {
    const normals = new Float32Array(at.length);
    for (let k = 0; k < faces.length; k += 3) {
      const [a, b, c] = [3 * faces[k], 3 * faces[k + 1], 3 * faces[k + 2]];
      const u = [at[b] - at[a], at[b + 1] - at[a + 1], at[b + 2] - at[a + 2]];
      const v = [at[c] - at[a], at[c + 1] - at[a + 1], at[c + 2] - at[a + 2]];
      const n = [u[1] * v[2] - u[2] * v[1], u[2] * v[0] - u[0] * v[2], u[0] * v[1] - u[1] * v[0]];
      for (const corner of [a, b, c]) for (let i = 0; i < 3; i++) normals[corner + i] += n[i];
    }
    return normals;
  }

  // ---- meshes and shaders -----------------------------------------------------------------------------------------
  function buffer(kind, values) {
    const made = gl.createBuffer();
    gl.bindBuffer(kind, made);
    gl.bufferData(kind, values, gl.STATIC_DRAW);
    return made;
  }

  const meshes = data.meshes.map((mesh) => {
    const at = Float32Array.from(new Int16Array(bytes(mesh.vertices)), (step) => step * data.step);
    const faces = new Uint16Array(bytes(mesh.faces));
    return {
      bone: mesh.bone,
      paint: mesh.paint,
      count: faces.length,
      at: buffer(gl.ARRAY_BUFFER, at),
      normals: buffer(gl.ARRAY_BUFFER, normalsOf(at, faces)),
      faces: buffer(gl.ELEMENT_ARRAY_BUFFER, faces),
    };
  });

  const VERTEX = `
    attribute vec3 at; attribute vec3 normal;
    uniform mat3 rotation; uniform vec3 translation; uniform mat3 view; uniform vec3 centre; uniform vec2 scale;
    varying vec3 inSkull; varying vec3 facing;
    void main() {
      inSkull = rotation * at + translation;
      vec3 seen = view * (inSkull - centre);
      facing = view * (rotation * normal);
      gl_Position = vec4(seen.xy * scale, -seen.z / 400.0, 1.0);
    }`;
  const FRAGMENT = `
    precision highp float;
    varying vec3 inSkull; varying vec3 facing;
    uniform vec3 paint; uniform vec3 cutPaint; uniform vec4 cuts[2]; uniform float opacity; uniform float grazing;
    void main() {
      if (dot(cuts[0].xyz, inSkull) > cuts[0].w || dot(cuts[1].xyz, inSkull) > cuts[1].w) discard;
      vec3 n = normalize(facing);
      vec3 lamp = normalize(vec3(-0.42, 0.55, 0.72));
      float lit = 0.42 + 0.58 * max(dot(n, lamp), 0.0);
      float shine = pow(max(dot(n, normalize(lamp + vec3(0.0, 0.0, 1.0))), 0.0), 24.0);
      vec3 colour = n.z < 0.0 ? cutPaint : paint * lit + 0.14 * shine;
      float slope = 1.0 - abs(n.z);
      gl_FragColor = vec4(colour, mix(opacity, grazing, slope * slope));
    }`;

  function program() {
    const made = gl.createProgram();
    for (const [kind, text] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, text);
      gl.compileShader(shader);
      gl.attachShader(made, shader);
    }
    gl.linkProgram(made);
    return gl.getProgramParameter(made, gl.LINK_STATUS) ? made : null;
  }

  const shading = program();
  if (!shading) return;
  gl.useProgram(shading);
  const place = (name) => gl.getUniformLocation(shading, name);
  const slots = { at: gl.getAttribLocation(shading, "at"), normal: gl.getAttribLocation(shading, "normal") };

  // ---- drawing ----------------------------------------------------------------------------------------------------
  /** Columns one after another, as WebGL wants a matrix. */
  const columns = (m) => [0, 1, 2].flatMap((k) => [m[0][k], m[1][k], m[2][k]]);

  function drawBone(bone, { opacity, grazing, cuts }) {
    const mesh = meshes[bone.mesh];
    gl.uniformMatrix3fv(place("rotation"), false, columns(rows(bone.rotation)));
    gl.uniform3fv(place("translation"), bone.translation);
    gl.uniform3fv(place("paint"), mesh.paint);
    gl.uniform3fv(place("cutPaint"), mesh.bone === "skull" ? IVORY_CUT : mesh.paint);
    gl.uniform1f(place("opacity"), opacity);
    gl.uniform1f(place("grazing"), grazing);
    const none = [0, 0, 0, 1];
    gl.uniform4fv(place("cuts"), [...(cuts[0] || none), ...(cuts[1] || none)]);
    for (const [slot, values] of [[slots.at, mesh.at], [slots.normal, mesh.normals]]) {
      gl.bindBuffer(gl.ARRAY_BUFFER, values);
      gl.enableVertexAttribArray(slot);
      gl.vertexAttribPointer(slot, 3, gl.FLOAT, false, 0, 0);
    }
    gl.bindBuffer(gl.ELEMENT_ARRAY_BUFFER, mesh.faces);
    gl.drawElements(gl.TRIANGLES, mesh.count, gl.UNSIGNED_SHORT, 0);
  }

  /** The skull after the others: its nearest surface only, laid over what is behind it. */
  function drawSkull(bone) {
    const cuts = state.skull === "cut" ? state.cuts : [];
    const how = state.skull === "cut" ? { opacity: 0.5, grazing: 0.8, cuts } : { opacity: 0.16, grazing: 0.6, cuts };
    gl.colorMask(false, false, false, false);
    drawBone(bone, how);
    gl.colorMask(true, true, true, true);
    gl.depthFunc(gl.LEQUAL);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.SRC_ALPHA, gl.ONE_MINUS_SRC_ALPHA);
    drawBone(bone, how);
    gl.disable(gl.BLEND);
    gl.depthFunc(gl.LESS);
  }

  function sized() {
    const ratio = Math.min(window.devicePixelRatio || 1, 2);
    const [width, height] = [Math.round(canvas.clientWidth * ratio), Math.round(canvas.clientHeight * ratio)];
    for (const each of [canvas, paper]) {
      if (each.width !== width || each.height !== height) [each.width, each.height] = [width, height];
    }
    return ratio;
  }

  function draw() {
    const ratio = sized();
    const pxPerMm = (Math.min(canvas.width, canvas.height * 1.28) / WIDTH_MM) * state.zoom;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(1, 1, 1, 1);
    gl.enable(gl.DEPTH_TEST);
    gl.clear(gl.COLOR_BUFFER_BIT | gl.DEPTH_BUFFER_BIT);
    gl.uniformMatrix3fv(place("view"), false, columns(state.axes));
    gl.uniform3fv(place("centre"), data.centre);
    gl.uniform2f(place("scale"), (2 * pxPerMm) / canvas.width, (2 * pxPerMm) / canvas.height);
    const { bones } = data.scenes[state.scene];
    for (const bone of bones) {
      if (meshes[bone.mesh].bone !== "skull") drawBone(bone, { opacity: 1, grazing: 1, cuts: [] });
    }
    const skull = bones.find((bone) => meshes[bone.mesh].bone === "skull");
    if (skull && state.skull !== "off") drawSkull(skull);
    drawMarks(pxPerMm, ratio);
  }

  /** Axes of C1 against those of the skull, and which side is which. */
  function drawMarks(pxPerMm, ratio) {
    pen.clearRect(0, 0, paper.width, paper.height);
    const onPaper = (point) => {
      const from = point.map((x, k) => x - data.centre[k]);
      return [paper.width / 2 + pxPerMm * dot(state.axes[0], from), paper.height / 2 - pxPerMm * dot(state.axes[1], from)];
    };
    const atlas = data.scenes[state.scene].bones.find((bone) => meshes[bone.mesh].bone === "c1");
    const turned = rows(atlas.rotation);
    const along = (axis, reach, frame) => atlas.translation.map((x, k) => x + reach * (frame ? frame[k][axis] : Number(k === axis)));
    const line = (start, end, ink, dash) => {
      for (const [colour, width] of [["#ffffff", 5], [ink, 2.4]]) {
        pen.beginPath();
        pen.setLineDash(dash.map((x) => x * ratio));
        pen.strokeStyle = colour;
        pen.lineWidth = width * ratio;
        pen.moveTo(...onPaper(start));
        pen.lineTo(...onPaper(end));
        pen.stroke();
      }
    };
    const word = (text, point, ink) => {
      const [x, y] = onPaper(point);
      pen.font = `600 ${14 * ratio}px "Source Sans Pro", system-ui, sans-serif`;
      pen.textAlign = "center";
      pen.textBaseline = "middle";
      pen.lineWidth = 4 * ratio;
      pen.strokeStyle = "#ffffff";
      pen.strokeText(text, x, y);
      pen.fillStyle = ink;
      pen.fillText(text, x, y);
    };
    for (const fan of data.scenes[state.scene].fans) {
      pen.beginPath();
      for (let k = 0; k < fan.length; k += 3) pen.lineTo(...onPaper(fan.slice(k, k + 3)));
      pen.closePath();
      pen.fillStyle = "rgba(230, 159, 0, 0.4)";
      pen.fill();
      pen.lineWidth = ratio;
      pen.strokeStyle = "#8a4b00";
      pen.stroke();
    }
    line(along(2, -62), along(2, 62), "#51606b", [8, 6]);
    line(along(0, 0), along(0, 62), "#51606b", [8, 6]);
    line(along(2, -62, turned), along(2, 62, turned), "#8a4b00", []);
    line(along(0, 0, turned), along(0, 62, turned), "#8a4b00", []);
    pen.setLineDash([]);
    // A word at the end of an axis that points at the viewer would hide the bones.
    const across = (axis) => Math.hypot(state.axes[0][axis], state.axes[1][axis]) > 0.35;
    if (across(2)) {
      word("R", along(2, 67), "#17242e");
      word("L", along(2, -67), "#17242e");
    }
    if (across(0)) word("anterior", along(0, 68), "#17242e");
  }

  let waiting = false;
  function redraw() {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      draw();
    });
  }

  // ---- what a person does -------------------------------------------------------------------------------------------
  function tell() {
    const scene = data.scenes[state.scene];
    said.textContent = `${state.title || "Turned by hand"}. ${scene.name}. ${scene.words.join("; ")}. Skull ${SKULL_NAMES[state.skull]}.`;
  }

  function press(group, value) {
    for (const button of root.querySelectorAll(`button[data-${group}]`)) {
      button.setAttribute("aria-pressed", String(button.dataset[group] === String(value)));
    }
  }

  function look(id) {
    const direction = data.directions.find((each) => each.id === id);
    Object.assign(state, { axes: rows(direction.axes), cuts: direction.cuts, zoom: 1, title: direction.title });
    press("look", id);
    tell();
    redraw();
  }

  function rotate(right, down) {
    state.axes = squared(product(turn(0, down), product(turn(1, right), state.axes)));
    state.title = "";
    press("look", "");
    redraw();
  }

  function zoom(factor) {
    state.zoom = Math.min(Math.max(state.zoom * factor, 0.5), 4);
    redraw();
  }

  function choose(scene) {
    state.scene = scene;
    press("scene", scene);
    tell();
    redraw();
  }

  function dress(skull) {
    state.skull = skull;
    press("skull", skull);
    tell();
    redraw();
  }

  root.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { look: direction, scene, skull } = button.dataset;
    if (direction !== undefined) look(direction);
    if (scene !== undefined) choose(Number(scene));
    if (skull !== undefined) dress(skull);
  });

  const KEYS = {
    ArrowLeft: () => rotate(-STEP_RAD, 0),
    ArrowRight: () => rotate(STEP_RAD, 0),
    ArrowUp: () => rotate(0, -STEP_RAD),
    ArrowDown: () => rotate(0, STEP_RAD),
    "+": () => zoom(1.15),
    "-": () => zoom(1 / 1.15),
    v: () => choose((state.scene + 1) % data.scenes.length),
    s: () => dress({ cut: "clear", clear: "off", off: "cut" }[state.skull]),
  };
  data.directions.forEach((direction, k) => {
    KEYS[String(k + 1)] = () => look(direction.id);
  });
  paper.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (!act || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    act();
  });
  paper.addEventListener("keyup", (event) => {
    if (event.key.startsWith("Arrow")) tell();
  });

  let held = null;
  paper.addEventListener("pointerdown", (event) => {
    held = [event.clientX, event.clientY];
    paper.setPointerCapture(event.pointerId);
  });
  paper.addEventListener("pointermove", (event) => {
    if (!held) return;
    rotate((event.clientX - held[0]) / 120, (event.clientY - held[1]) / 120);
    held = [event.clientX, event.clientY];
  });
  for (const end of ["pointerup", "pointercancel"]) {
    paper.addEventListener(end, () => {
      if (held) tell();
      held = null;
    });
  }
  // The page scrolls under the wheel as everywhere else; with Ctrl it zooms.
  paper.addEventListener("wheel", (event) => {
    if (!event.ctrlKey) return;
    event.preventDefault();
    zoom(event.deltaY < 0 ? 1.1 : 1 / 1.1);
  }, { passive: false });
  window.addEventListener("resize", redraw);

  root.hidden = false;
  press("scene", 0);
  press("skull", "cut");
  look(data.directions[0].id);
  root.dataset.ready = "yes";
})();
