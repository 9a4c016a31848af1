// The points on the map: by WebGL, or on a plain canvas where there is none.

import { STRIDE, now } from "./points.js";

const VERTEX = `#version 300 es
layout(location = 0) in vec4 way;      // from x, y, to x, y
layout(location = 1) in vec4 times;    // start, length, birth
uniform vec2 middle;
uniform vec2 size;                     // of the canvas, in pixels of the page
uniform float world;                   // pixels of the width of the world
uniform float time;
uniform float ratio;
uniform float radius;
out float fresh;
out float pixels;
void main() {
  float share = times.y == 0.0 ? 1.0 : clamp((time - times.x) / times.y, 0.0, 1.0);
  vec2 place = mix(way.xy, way.zw, share);
  place.x += round(middle.x - place.x);
  vec2 at = (place - middle) * world / size * 2.0;
  gl_Position = vec4(at.x, -at.y, 0.0, 1.0);
  float age = max(0.0, time - times.z);
  // From a minute on a point fades, down to a third after an hour; it never goes.
  fresh = 1.0 - 0.65 * clamp(log(max(age, 60.0) / 60.0) / log(60.0), 0.0, 1.0);
  pixels = radius * 2.0 * ratio;
  gl_PointSize = pixels;
}`;

const FRAGMENT = `#version 300 es
precision mediump float;
in float fresh;
in float pixels;
uniform vec3 colour;
uniform vec3 edge;
out vec4 painted;
void main() {
  float away = length(gl_PointCoord - 0.5) * pixels;
  float outer = pixels / 2.0;
  float cover = clamp(outer - away, 0.0, 1.0);
  float inner = clamp(outer - pixels * 0.14 - away + 0.5, 0.0, 1.0);
  float alpha = cover * fresh;
  painted = vec4(mix(edge, colour, inner) * alpha, alpha);
}`;

/** A point's radius, smaller where there are many. */
function radiusFor(count) {
  if (count > 20_000) return 2.2;
  return count > 3000 ? 3.2 : 5;
}

/** Paints points over the map: `layer(canvas)` is whichever of the two works here. */
export function layer(canvas) {
  if (!new URLSearchParams(location.search).has("plain")) {
    const gl = canvas.getContext("webgl2", { premultipliedAlpha: true, preserveDrawingBuffer: true });
    const painter = gl && new WebGlLayer(canvas, gl);
    if (painter?.isReady) return painter;
  }
  return new PlainLayer(canvas);
}

class WebGlLayer {
  constructor(canvas, gl) {
    this.canvas = canvas;
    this.gl = gl;
    this.kind = "webgl";
    this.set();
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.set());
  }

  set() {
    const { gl } = this;
    const program = gl.createProgram();
    for (const [kind, source] of [[gl.VERTEX_SHADER, VERTEX], [gl.FRAGMENT_SHADER, FRAGMENT]]) {
      const shader = gl.createShader(kind);
      gl.shaderSource(shader, source);
      gl.compileShader(shader);
      gl.attachShader(program, shader);
    }
    gl.linkProgram(program);
    this.isReady = gl.getProgramParameter(program, gl.LINK_STATUS);
    if (!this.isReady) return;
    gl.useProgram(program);
    const names = ["middle", "size", "world", "time", "ratio", "radius", "colour", "edge"];
    this.uniforms = Object.fromEntries(names.map((name) => [name, gl.getUniformLocation(program, name)]));
    gl.bindBuffer(gl.ARRAY_BUFFER, gl.createBuffer());
    for (const which of [0, 1]) {
      gl.enableVertexAttribArray(which);
      gl.vertexAttribPointer(which, 4, gl.FLOAT, false, STRIDE * 4, which * 16);
    }
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    this.isSent = false;
  }

  draw(points, view, colours) {
    const { gl, uniforms, canvas } = this;
    if (gl.isContextLost()) return;
    gl.viewport(0, 0, canvas.width, canvas.height);
    gl.clearColor(0, 0, 0, 0);
    gl.clear(gl.COLOR_BUFFER_BIT);
    if (points.count === 0) return;
    if (points.isStale || !this.isSent) {
      gl.bufferData(gl.ARRAY_BUFFER, points.data.subarray(0, points.count * STRIDE), gl.DYNAMIC_DRAW);
      points.isStale = false;
      this.isSent = true;
    }
    gl.uniform2f(uniforms.middle, view.x, view.y);
    gl.uniform2f(uniforms.size, view.width, view.height);
    gl.uniform1f(uniforms.world, view.world);
    gl.uniform1f(uniforms.time, now());
    gl.uniform1f(uniforms.ratio, devicePixelRatio);
    gl.uniform1f(uniforms.radius, radiusFor(points.count));
    gl.uniform3fv(uniforms.colour, channels(colours.accent));
    gl.uniform3fv(uniforms.edge, channels(colours.surface));
    gl.drawArrays(gl.POINTS, 0, points.count);
  }
}

class PlainLayer {
  constructor(canvas) {
    this.canvas = canvas;
    this.kind = "plain";
    this.context = canvas.getContext("2d");
  }

  draw(points, view, colours) {
    const { context, canvas } = this;
    const time = now();
    const radius = radiusFor(points.count);
    context.setTransform(devicePixelRatio, 0, 0, devicePixelRatio, 0, 0);
    context.clearRect(0, 0, canvas.width, canvas.height);
    context.fillStyle = colours.accent;
    context.strokeStyle = colours.surface;
    points.ids.forEach((id, slot) => {
      const [x, y] = onCanvas(view, points.placeAt(slot, time));
      if (x < -9 || y < -9 || x > view.width + 9 || y > view.height + 9) return;
      const minutes = Math.max(1, points.age(id, time) / 60);
      context.globalAlpha = 1 - 0.65 * Math.min(1, Math.log(minutes) / Math.log(60));
      context.beginPath();
      context.arc(x, y, radius, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    });
    context.globalAlpha = 1;
  }
}

/** Where a place on the projection is on the canvas: the copy of the world nearest to the middle. */
export function onCanvas(view, [x, y]) {
  const turns = Math.round(view.x - x);
  return [(x + turns - view.x) * view.world + view.width / 2, (y - view.y) * view.world + view.height / 2];
}

/** "#1f6f54" as three numbers from 0 to 1. */
function channels(colour) {
  const hex = colour.trim().slice(1);
  return [0, 2, 4].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255);
}
