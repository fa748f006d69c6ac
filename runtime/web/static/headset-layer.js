// The media layer: the headset's compositor samples the video itself, sharper than a texture could.
// Only where the browser has XRMediaBinding, XRWebGLBinding and MediaStreamTrackGenerator; the panel
// is then drawn into a projection layer on top. Whatever it cannot do, headset.js draws with WebGL.

import { anchorMatrix, anchorQuaternion, screenRadius, transformPoint } from "./space.js";

/** What the compositor can show; other layouts are drawn with WebGL. */
const LAYOUTS = Object.freeze({
  "full-sbs": "stereo-left-right", "half-sbs": "stereo-left-right",
  "full-tb": "stereo-top-bottom", "half-tb": "stereo-top-bottom",
  anaglyph: "mono", "rgb-depth": "mono", "debug-grid": "mono",
});
/** A video that shows nothing this long after its first picture never will. */
const PATIENCE_MS = 3000;
const NEEDED = ["XRMediaBinding", "XRWebGLBinding", "MediaStreamTrackGenerator"];

export class MediaLayer {
  #session;
  #space;
  #gl;
  #media;
  #drawing;
  #projection;
  #framebuffer;
  #video = document.createElement("video");
  #writer;
  #screenLayer = null;
  #kind = "";
  #firstMs = null;
  #failure = null;

  /** Return a layer, or null where this browser or session has no such thing. */
  static async tryToBuild({ session, space, gl }) {
    const hasAll = NEEDED.every((name) => name in window);
    if (!hasAll || !session.enabledFeatures?.includes("layers")) return null;
    try {
      return new MediaLayer({ session, space, gl });
    } catch (error) {
      console.warn("stereocast: no media layer, drawing with WebGL:", error.message);
      return null;
    }
  }

  constructor({ session, space, gl }) {
    this.#session = session;
    this.#space = space;
    this.#gl = gl;
    this.#media = new XRMediaBinding(session);
    this.#drawing = new XRWebGLBinding(session, gl);
    this.#projection = this.#drawing.createProjectionLayer({ textureType: "texture", depthFormat: 0 });
    this.#framebuffer = gl.createFramebuffer();
    const generator = new MediaStreamTrackGenerator({ kind: "video" });
    this.#writer = generator.writable.getWriter();
    Object.assign(this.#video, { muted: true, playsInline: true });
    // The stream is attached before the first picture is written, or Chrome may show none.
    this.#video.srcObject = new MediaStream([generator]);
    this.#video.play().catch((error) => (this.#failure = error.message));
    session.updateRenderState({ layers: [this.#projection] });
  }

  /** Whether the compositor has the picture, so that it need not be drawn. */
  get isShowing() {
    return this.#screenLayer !== null;
  }

  /** Hand over a copy of a picture; one that the video has no room for is left out. */
  offer(picture) {
    if (!(picture instanceof VideoFrame)) {
      this.#failure = "the stream is no video";
      return;
    }
    this.#firstMs ??= performance.now();
    if (this.#writer.desiredSize <= 0) return;
    const copy = picture.clone();
    this.#writer.write(copy).catch((error) => {
      copy.close();
      this.#failure = error.message;
    });
  }

  /** Return whether this layer can go on; if not it must be closed. */
  fits({ swapEyes, headsetPath }, { layout }) {
    const isLate = this.#firstMs !== null && performance.now() - this.#firstMs > PATIENCE_MS;
    if (isLate && this.#video.videoWidth === 0) this.#failure ??= "the video shows nothing";
    if (this.#failure) console.warn("stereocast: leaving the media layer:", this.#failure);
    return !this.#failure && !swapEyes && headsetPath === "auto" && layout in LAYOUTS;
  }

  /** Put the screen where the anchor and the viewer's settings want it. */
  place(anchor, screen) {
    if (this.#video.videoWidth === 0) return;
    const isCurved = Number.isFinite(screenRadius(screen.distanceM, screen.curvature));
    const kind = `${isCurved ? "cylinder" : "quad"} ${LAYOUTS[screen.layout]}`;
    if (kind !== this.#kind) this.#rebuild(kind, isCurved, screen);
    this.#shape(isCurved, anchor, screen);
  }

  /** Bind the drawing on top for one view; returns its box. */
  bind(view) {
    const gl = this.#gl;
    const image = this.#drawing.getViewSubImage(this.#projection, view);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#framebuffer);
    gl.framebufferTexture2D(gl.FRAMEBUFFER, gl.COLOR_ATTACHMENT0, gl.TEXTURE_2D, image.colorTexture, 0);
    return image.viewport;
  }

  /** Let go of the video and its pictures. */
  close() {
    this.#screenLayer?.destroy();
    this.#screenLayer = null;
    this.#writer.close().catch((error) => console.warn("stereocast: media layer:", error.message));
    this.#video.srcObject = null;
    this.#gl.deleteFramebuffer(this.#framebuffer);
  }

  #rebuild(kind, isCurved, { layout }) {
    this.#screenLayer?.destroy();
    const wish = { space: this.#space, layout: LAYOUTS[layout] };
    this.#screenLayer = isCurved
      ? this.#media.createCylinderLayer(this.#video, wish)
      : this.#media.createQuadLayer(this.#video, wish);
    this.#kind = kind;
    this.#session.updateRenderState({ layers: [this.#screenLayer, this.#projection] });
  }

  #shape(isCurved, anchor, { widthM, aspect, distanceM, curvature }) {
    const layer = this.#screenLayer;
    const radius = screenRadius(distanceM, curvature);
    // A cylinder is placed by its axis, a rectangle by its middle.
    const ahead = isCurved ? [0, 0, radius - distanceM] : [0, 0, -distanceM];
    const [x, y, z] = transformPoint(anchorMatrix(anchor), ahead);
    layer.transform = new XRRigidTransform({ x, y, z }, anchorQuaternion(anchor));
    if (isCurved) {
      Object.assign(layer, { radius, centralAngle: Math.min(Math.PI, widthM / radius), aspectRatio: aspect });
    } else {
      Object.assign(layer, { width: widthM, height: widthM / aspect });
    }
  }
}
