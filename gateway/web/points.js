// The clients as points of light: one WebGL draw call, whatever their number.
//
// A point has a slot in one buffer: where it was, where it is, when it began to move and when it was heard. The
// vertex shader moves it from one to the other and lets it fade, so that nothing is computed for a point
// between two of its reports. Positions are on the Mercator square from 0 to 1, in two floats each: one float
// is off by metres.

import { toPoint, toX, toY } from "/web/map/geo.js";

const FLOATS = 10;
const BYTES = 4 * FLOATS;
/** How long a point takes to where it was reported next. */
const MOVE_MS = 1000;
/** Further than this on the projection a point jumps: it would fly over half the map. */
const JUMP = 0.02;
/** From when to when a point loses its colour; it never vanishes. */
const FADE_S = [60, 900];

const VERTEX = `#version 300 es
precision highp float;
layout(location = 0) in vec4 from;
layout(location = 1) in vec4 to;
layout(location = 2) in vec2 times;
uniform mat4 matrix;
uniform vec4 centre;
uniform float now;
uniform float size;
uniform float turn;
uniform vec2 fade;
out float age;
void main() {
  if (times.y < -1.0e8) { gl_Position = vec4(2.0, 2.0, 2.0, 1.0); gl_PointSize = 0.0; return; }
  vec2 a = (from.xy - centre.xy) + (from.zw - centre.zw);
  vec2 b = (to.xy - centre.xy) + (to.zw - centre.zw);
  float t = clamp((now - times.x) / ${(MOVE_MS / 1000).toFixed(1)}, 0.0, 1.0);
  gl_Position = matrix * vec4(mix(a, b, t) + vec2(turn, 0.0), 0.0, 1.0);
  gl_PointSize = size;
  age = smoothstep(fade.x, fade.y, now - times.y);
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
uniform vec3 fresh;
uniform vec3 old;
uniform vec3 halo;
in float age;
out vec4 colour;
void main() {
  float away = 2.0 * length(gl_PointCoord - 0.5);
  float edge = fwidth(away);
  float alpha = (1.0 - smoothstep(1.0 - edge, 1.0, away)) * mix(1.0, 0.55, age);
  vec3 body = mix(fresh, old, age);
  colour = vec4(mix(body, halo, smoothstep(0.62 - edge, 0.62, away)) * alpha, alpha);
}`;

/** A custom layer of MapLibre that draws points. */
export class PointsLayer {
  id = "clients";
  type = "custom";

  constructor(colours) {
    this.colours = colours;
    this.slots = new Map();
    this.free = [];
    this.capacity = 1024;
    this.data = new Float32Array(this.capacity * FLOATS);
    this.dirty = [Infinity, -1];
    this.used = 0;
    this.began = performance.now();
    this.movingUntil = 0;
    this.ownMs = 0;
  }

  /** The number of points there are. */
  get size() {
    return this.slots.size;
  }

  /** A point is here now; its report is `ageMs` old. */
  set(handle, latitude, longitude, ageMs) {
    const [x, y] = [toX(longitude), toY(latitude)];
    const now = this.now();
    let slot = this.slots.get(handle);
    let [fromX, fromY] = [x, y];
    if (slot === undefined) {
      slot = this.allocate();
      this.slots.set(handle, slot);
    } else {
      const before = this.at(slot, now);
      if (Math.hypot(before.x - x, before.y - y) < JUMP) [fromX, fromY] = [before.x, before.y];
    }
    const start = slot * FLOATS;
    write(this.data, start, fromX, fromY);
    write(this.data, start + 4, x, y);
    this.data[start + 8] = now;
    this.data[start + 9] = now - ageMs / 1000;
    this.touch(slot);
    this.movingUntil = now + MOVE_MS / 1000;
  }

  delete(handle) {
    const slot = this.slots.get(handle);
    if (slot === undefined) return;
    this.slots.delete(handle);
    this.free.push(slot);
    this.data[slot * FLOATS + 9] = -1e9;
    this.touch(slot);
  }

  clear() {
    for (const handle of [...this.slots.keys()]) this.delete(handle);
  }

  /** Where a point is drawn at this moment, with the age of its report in seconds; nothing if it is not there. */
  where(handle) {
    const slot = this.slots.get(handle);
    if (slot === undefined) return null;
    const now = this.now();
    const { x, y } = this.at(slot, now);
    return { ...toPoint(x, y), ageS: now - this.data[slot * FLOATS + 9] };
  }

  /** The nearest point to a place of the projection, no further than `reach`: its handle. */
  nearest(x, y, reach) {
    const now = this.now();
    let [found, least] = [null, reach];
    for (const [handle, slot] of this.slots) {
      const place = this.at(slot, now);
      const east = Math.abs(place.x - x) % 1;
      const away = Math.hypot(Math.min(east, 1 - east), place.y - y);
      if (away < least) [found, least] = [handle, away];
    }
    return found;
  }

  now() {
    return (performance.now() - this.began) / 1000;
  }

  at(slot, now) {
    const at = slot * FLOATS;
    const { data } = this;
    const t = Math.max(0, Math.min(1, ((now - data[at + 8]) * 1000) / MOVE_MS));
    const mix = (i) => (1 - t) * (data[at + i] + data[at + i + 2]) + t * (data[at + 4 + i] + data[at + 6 + i]);
    return { x: mix(0), y: mix(1) };
  }

  allocate() {
    if (this.free.length > 0) return this.free.pop();
    if (this.used === this.capacity) {
      this.capacity *= 2;
      const larger = new Float32Array(this.capacity * FLOATS);
      larger.set(this.data);
      this.data = larger;
      this.isOutgrown = true;
    }
    this.used += 1;
    return this.used - 1;
  }

  touch(slot) {
    this.dirty = [Math.min(this.dirty[0], slot), Math.max(this.dirty[1], slot)];
    this.map?.triggerRepaint();
  }

  onAdd(map, gl) {
    this.map = map;
    this.program = program(gl);
    const names = ["matrix", "centre", "now", "size", "turn", "fade", "fresh", "old", "halo"];
    this.uniforms = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(this.program, name)]));
    this.buffer = gl.createBuffer();
    this.array = gl.createVertexArray();
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    for (const [index, floats, offset] of [[0, 4, 0], [1, 4, 16], [2, 2, 32]]) {
      gl.enableVertexAttribArray(index);
      gl.vertexAttribPointer(index, floats, gl.FLOAT, false, BYTES, offset);
    }
    gl.bindVertexArray(null);
    this.isOutgrown = true;
  }

  onRemove(_map, gl) {
    gl.deleteProgram(this.program);
    gl.deleteBuffer(this.buffer);
    gl.deleteVertexArray(this.array);
  }

  render(gl, { defaultProjectionData }) {
    const began = performance.now();
    const { uniforms } = this;
    gl.bindVertexArray(this.array);
    gl.bindBuffer(gl.ARRAY_BUFFER, this.buffer);
    this.upload(gl);
    gl.useProgram(this.program);
    const { lng, lat } = this.map.getCenter();
    const [x, y] = [toX(lng), toY(lat)];
    const turn = Math.floor(x);
    const [highX, highY] = [Math.fround(x - turn), Math.fround(y)];
    gl.uniformMatrix4fv(uniforms.matrix, false, moved(defaultProjectionData.mainMatrix, x, y));
    gl.uniform4f(uniforms.centre, highX, highY, x - turn - highX, y - highY);
    gl.uniform1f(uniforms.now, this.now());
    gl.uniform2f(uniforms.fade, ...FADE_S);
    gl.uniform1f(uniforms.size, devicePixelRatio * Math.min(16, 7 + this.map.getZoom() * 0.6));
    for (const name of ["fresh", "old", "halo"]) gl.uniform3f(uniforms[name], ...this.colours()[name]);
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    gl.disable(gl.DEPTH_TEST);
    // The earth is round: what is beyond the edge of the square comes in from the other side.
    for (const copy of [-1, 0, 1]) {
      gl.uniform1f(uniforms.turn, copy);
      gl.drawArrays(gl.POINTS, 0, this.used);
    }
    gl.bindVertexArray(null);
    if (this.now() < this.movingUntil) this.map.triggerRepaint();
    this.ownMs = 0.9 * this.ownMs + 0.1 * (performance.now() - began);
  }

  upload(gl) {
    const [first, last] = this.dirty;
    if (this.isOutgrown) gl.bufferData(gl.ARRAY_BUFFER, this.data, gl.DYNAMIC_DRAW);
    else if (first <= last) {
      gl.bufferSubData(gl.ARRAY_BUFFER, first * BYTES, this.data, first * FLOATS, (last - first + 1) * FLOATS);
    }
    this.isOutgrown = false;
    this.dirty = [Infinity, -1];
  }
}

/** A place in two floats a coordinate. */
function write(data, at, x, y) {
  data[at] = x;
  data[at + 1] = y;
  data[at + 2] = x - data[at];
  data[at + 3] = y - data[at + 1];
}

/** The matrix that takes what is relative to (x, y). */
function moved(matrix, x, y) {
  const result = Float64Array.from(matrix);
  for (let row = 0; row < 4; row += 1) result[12 + row] += matrix[row] * x + matrix[4 + row] * y;
  return Float32Array.from(result);
}

function program(gl) {
  const result = gl.createProgram();
  for (const [type, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
    const shader = gl.createShader(type);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    if (!gl.getShaderParameter(shader, gl.COMPILE_STATUS)) throw new Error(gl.getShaderInfoLog(shader));
    gl.attachShader(result, shader);
  }
  gl.linkProgram(result);
  if (!gl.getProgramParameter(result, gl.LINK_STATUS)) throw new Error(gl.getProgramInfoLog(result));
  return result;
}
