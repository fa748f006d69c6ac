// Pictures onto the screen with WebGL2: textures, flat previews, and meshes for the headset.
// What to show and when is decided by player.js and xr.js; pictures stay the caller's to close.

import { arrangement, eyeAspect, eyeRectangles, fit, isMono, shownSize } from "./layout.js";
import {
  ANAGLYPH_FRAGMENT, DEPTH_FRAGMENT, EYE_FRAGMENT, FILL_VERTEX, MESH_VERTEX, PANEL_FRAGMENT,
  PLAIN_FRAGMENT, buildProgram,
} from "./shaders.js";

const BACKGROUND = [0.027, 0.031, 0.043];

export class Presenter {
  #size = { width: 0, height: 0 };
  #streamLayout = "full-sbs";
  #hasDepth = false;
  #depthAspect = 1;

  /** Take over a canvas. Throws where the browser has no WebGL2. */
  constructor(canvas) {
    this.canvas = canvas;
    const wish = { alpha: false, antialias: false, depth: false, xrCompatible: true };
    this.gl = canvas.getContext("webgl2", { ...wish, powerPreference: "high-performance" });
    if (!this.gl) throw new Error("This browser has no WebGL 2.");
    canvas.addEventListener("webglcontextlost", (event) => event.preventDefault());
    canvas.addEventListener("webglcontextrestored", () => this.#build());
    this.#build();
  }

  get hasPicture() {
    return this.#size.width > 0;
  }

  get hasDepth() {
    return this.#hasDepth;
  }

  /** Upload a VideoFrame or ImageBitmap as the picture to draw from now on. */
  setPicture(picture, streamLayout) {
    const { gl } = this;
    this.#streamLayout = streamLayout;
    this.#size = shownSize(picture);
    gl.bindTexture(gl.TEXTURE_2D, this.pictureTexture);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.RGBA8, gl.RGBA, gl.UNSIGNED_BYTE, picture);
  }

  /** Upload a depth map of bytes, 255 is near. */
  setDepth({ width, height, values }) {
    const { gl } = this;
    this.#hasDepth = true;
    this.#depthAspect = width / height;
    gl.bindTexture(gl.TEXTURE_2D, this.depthTexture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    gl.texImage2D(gl.TEXTURE_2D, 0, gl.R8, width, height, 0, gl.RED, gl.UNSIGNED_BYTE, values);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 4);
  }

  /** Forget the depth map, which belonged to another stream or is no longer sent. */
  dropDepth() {
    this.#hasDepth = false;
  }

  /** Return {rects: {left, right}, layout, aspect} for the settings in force. */
  eyes(settings) {
    const size = this.hasPicture ? this.#size : { width: 32, height: 9 };
    const layout = arrangement(settings.layout, this.#streamLayout, size);
    const rects = eyeRectangles(layout, { swap: settings.swapEyes });
    return { rects, layout, aspect: eyeAspect(layout, size) };
  }

  /** Draw a flat preview; `view` is a name of settings.VIEWS, wiggle shows `wiggleEye`. */
  drawFlat(settings, wiggleEye) {
    const { gl, canvas } = this;
    gl.bindFramebuffer(gl.FRAMEBUFFER, null);
    this.clear(0, 0, canvas.width, canvas.height);
    if (!this.hasPicture) return [];
    const { rects, layout, aspect } = this.eyes(settings);
    let view = settings.view === "wiggle" ? wiggleEye : settings.view;
    if (isMono(layout) && view !== "depth") view = "left";
    if (view === "sbs") return this.#drawPair(rects, aspect);
    const whole = view === "depth" && this.#hasDepth ? this.#depthAspect : aspect;
    const box = fit(whole, canvas.width, canvas.height);
    gl.viewport(...box);
    if (view === "anaglyph") {
      this.#use(this.anaglyph, this.pictureTexture, rects.left);
      gl.uniform4fv(this.anaglyph.otherRect, rects.right);
    } else if (view === "depth") {
      if (!this.#hasDepth) return [];
      this.#use(this.depth, this.depthTexture, null);
    } else {
      this.#use(this.eye, this.pictureTexture, rects[view]);
    }
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
    return view === "left" || view === "right" ? [{ eye: view, corners: this.#corners(box) }] : [];
  }

  /** Draw one eye of the picture onto a mesh in the current framebuffer and viewport. */
  drawMesh(mesh, toClip, rect) {
    this.#use(this.screen, this.pictureTexture, rect);
    this.#drawVertices(this.screen, mesh, toClip);
  }

  /** Draw a mesh with another texture, blended over what is there (premultiplied alpha). */
  drawPanel(mesh, toClip, texture) {
    this.#use(this.panel, texture, null);
    this.#blend(() => this.#drawVertices(this.panel, mesh, toClip));
  }

  /** Draw a mesh in one colour, blended over what is there. */
  drawPlain(mesh, toClip, tint) {
    const { gl } = this;
    gl.useProgram(this.plain.program);
    gl.uniform4fv(this.plain.tint, tint);
    this.#blend(() => this.#drawVertices(this.plain, mesh, toClip));
  }

  /** Put vertices [x, y, z, u, v]… of a triangle strip onto the GPU. */
  buildMesh(vertices) {
    const { gl } = this;
    const array = gl.createVertexArray();
    const buffer = gl.createBuffer();
    gl.bindVertexArray(array);
    gl.bindBuffer(gl.ARRAY_BUFFER, buffer);
    gl.bufferData(gl.ARRAY_BUFFER, vertices, gl.STATIC_DRAW);
    gl.enableVertexAttribArray(0);
    gl.vertexAttribPointer(0, 3, gl.FLOAT, false, 20, 0);
    gl.enableVertexAttribArray(1);
    gl.vertexAttribPointer(1, 2, gl.FLOAT, false, 20, 12);
    gl.bindVertexArray(null);
    return { array, buffer, count: vertices.length / 5 };
  }

  /** Free a mesh. */
  freeMesh(mesh) {
    this.gl.deleteVertexArray(mesh.array);
    this.gl.deleteBuffer(mesh.buffer);
  }

  /** Create a texture for pictures of any size. */
  buildTexture() {
    const { gl } = this;
    const texture = gl.createTexture();
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.LINEAR);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_S, gl.CLAMP_TO_EDGE);
    gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_WRAP_T, gl.CLAMP_TO_EDGE);
    return texture;
  }

  /** Clear a part of the current framebuffer to the background, or to nothing at all. */
  clear(x, y, width, height, alpha = 1) {
    const { gl } = this;
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(x, y, width, height);
    gl.clearColor(...BACKGROUND.map((level) => level * alpha), alpha);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.disable(gl.SCISSOR_TEST);
  }

  /** Read pixels of the current framebuffer, rows from the top; x and y from the top left. */
  read(x, y, width, height, framebufferHeight) {
    const { gl } = this;
    const raw = new Uint8Array(width * height * 4);
    gl.readPixels(x, framebufferHeight - y - height, width, height, gl.RGBA, gl.UNSIGNED_BYTE, raw);
    const rows = new Uint8Array(raw.length);
    for (let row = 0; row < height; row += 1) {
      const from = (height - 1 - row) * width * 4;
      rows.set(raw.subarray(from, from + width * 4), row * width * 4);
    }
    return rows;
  }

  #build() {
    const { gl } = this;
    this.eye = buildProgram(gl, FILL_VERTEX, EYE_FRAGMENT);
    this.anaglyph = buildProgram(gl, FILL_VERTEX, ANAGLYPH_FRAGMENT);
    this.depth = buildProgram(gl, FILL_VERTEX, DEPTH_FRAGMENT);
    this.screen = buildProgram(gl, MESH_VERTEX, EYE_FRAGMENT);
    this.panel = buildProgram(gl, MESH_VERTEX, PANEL_FRAGMENT);
    this.plain = buildProgram(gl, MESH_VERTEX, PLAIN_FRAGMENT);
    this.pictureTexture = this.buildTexture();
    this.depthTexture = this.buildTexture();
    this.#size = { width: 0, height: 0 };
    this.#hasDepth = false;
  }

  #drawPair(rects, aspect) {
    const { gl, canvas } = this;
    const [x, y, width, height] = fit(2 * aspect, canvas.width, canvas.height);
    const half = Math.floor(width / 2);
    return ["left", "right"].map((eye, index) => {
      const box = [x + index * half, y, half, height];
      gl.viewport(...box);
      this.#use(this.eye, this.pictureTexture, rects[eye]);
      gl.drawArrays(gl.TRIANGLE_STRIP, 0, 4);
      return { eye, corners: this.#corners(box) };
    });
  }

  #corners([x, y, width, height]) {
    const top = this.canvas.height - y - height;
    return [[x, top], [x + width, top], [x + width, top + height], [x, top + height]];
  }

  #use(program, texture, rect) {
    const { gl } = this;
    gl.useProgram(program.program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform1i(program.picture, 0);
    if (rect) gl.uniform4fv(program.rect, rect);
  }

  #drawVertices(program, mesh, toClip) {
    const { gl } = this;
    gl.uniformMatrix4fv(program.toClip, false, toClip);
    gl.bindVertexArray(mesh.array);
    gl.drawArrays(gl.TRIANGLE_STRIP, 0, mesh.count);
    gl.bindVertexArray(null);
  }

  #blend(draw) {
    const { gl } = this;
    gl.enable(gl.BLEND);
    gl.blendFunc(gl.ONE, gl.ONE_MINUS_SRC_ALPHA);
    draw();
    gl.disable(gl.BLEND);
  }
}
