// The headset: a WebXR session with the picture on a screen in space, one eye's half for each eye.
// Geometry is space.js, the floating panel headset-panel.js, the media layer headset-layer.js.

import { HeadsetPanel } from "./headset-panel.js";
import { MediaLayer } from "./headset-layer.js";
import { Pointers } from "./headset-pointers.js";
import { anchorMatrix, anchorOf, multiply, screenVertices, sphereVertices, transformPoint } from "./space.js";

const OPTIONAL = ["local", "layers"];

/** Tells "change" when a headset comes, goes, or a session starts or ends. */
export class Headset extends EventTarget {
  #session = null;
  #space = null;
  #anchor = null;
  #mesh = null;
  #meshKey = "";
  #panel = null;
  #pointers = null;
  #layer = null;
  #drawing = null;
  isOffered = false;
  note = "";
  actions = null;

  constructor({ player, presenter, settings }) {
    super();
    this.player = player;
    this.presenter = presenter;
    this.settings = settings;
  }

  get isOn() {
    return this.#session !== null;
  }

  /** Say how pictures reach the eyes: "media layer", "webgl", or null without a session. */
  get path() {
    return this.isOn ? (this.#layer?.isShowing ? "media layer" : "webgl") : null;
  }

  /** Find out whether a headset can be entered from here, now and whenever that changes. */
  async probe() {
    if (!navigator.xr) {
      this.note = window.isSecureContext
        ? "Open this page in your headset’s browser to see it in 3D."
        : "3D in a headset needs the https address of this page.";
    } else {
      this.isOffered = await navigator.xr.isSessionSupported("immersive-vr");
      this.note = this.isOffered ? "" : "No headset found. Open this page in your headset’s browser.";
      navigator.xr.ondevicechange = () => this.probe();
    }
    this.#tell();
  }

  /** Start a session; call it from a click or key. Throws what the browser says. */
  async enter() {
    const session = await navigator.xr.requestSession("immersive-vr", { optionalFeatures: OPTIONAL });
    try {
      await this.#begin(session);
    } catch (error) {
      await session.end();
      throw error;
    }
  }

  /** End the session. */
  async leave() {
    await this.#session?.end();
  }

  /** Put the screen straight ahead of where the viewer looks now. */
  recenter() {
    this.#anchor = null;
  }

  /** Show another picture; the media layer keeps its own copy. */
  offer(picture) {
    this.#layer?.offer(picture);
  }

  async #begin(session) {
    const { presenter, player } = this;
    const { gl } = presenter;
    await gl.makeXRCompatible?.();
    this.#space = await session.requestReferenceSpace("local");
    this.#session = session;
    this.#anchor = null;
    this.#panel = new HeadsetPanel(this);
    this.#pointers = new Pointers({ session, space: this.#space, panel: this.#panel, headset: this });
    const wantsLayer = this.settings.get("headsetPath") === "auto";
    this.#layer = wantsLayer ? await MediaLayer.tryToBuild({ session, space: this.#space, gl }) : null;
    if (!this.#layer) this.#drawWithWebGl();
    player.headset = this;
    session.addEventListener("end", () => this.#end());
    session.requestAnimationFrame((_, frame) => this.#draw(frame));
    this.#tell();
  }

  #end() {
    this.#layer?.close();
    this.#panel.close();
    this.#pointers.close();
    this.#layer = this.#drawing = null;
    this.#session = null;
    this.player.headset = null;
    this.player.countShown();
    this.#tell();
  }

  #draw(frame) {
    const session = this.#session;
    if (!session) return;
    session.requestAnimationFrame((_, next) => this.#draw(next));
    this.player.takeNewest();
    const pose = frame.getViewerPose(this.#space);
    if (!pose) return;
    this.#anchor ??= anchorOf(pose.transform.matrix);
    const place = anchorMatrix(this.#anchor);
    this.#pointers.update(frame);
    this.#panel.update(place);
    const screen = this.#screen();
    if (this.#layer && !this.#layer.fits(this.settings.all(), screen)) this.#giveUpLayer();
    this.#layer?.place(this.#anchor, screen);
    const views = pose.views.map((view) => this.#drawView(view, place, screen));
    if (this.presenter.hasPicture) this.player.countShown();
    const height = this.#drawing?.framebufferHeight ?? 0;
    this.player.notifyDrawn("headset", views.filter((view) => view.corners), height);
  }

  #drawView(view, place, screen) {
    const { presenter } = this;
    const box = this.#bind(view);
    const clears = !this.#layer?.isShowing;
    presenter.clear(box.x, box.y, box.width, box.height, clears ? 1 : 0);
    presenter.gl.viewport(box.x, box.y, box.width, box.height);
    const toClip = multiply(view.projectionMatrix, view.transform.inverse.matrix);
    const eye = view.eye === "right" ? "right" : "left";
    const isDrawn = clears && presenter.hasPicture;
    const screenToClip = multiply(toClip, place);
    if (isDrawn) presenter.drawMesh(this.#mesh, screenToClip, screen.rects[eye]);
    this.#panel.draw(presenter, toClip);
    this.#pointers.draw(presenter, toClip);
    // Pixels of a compositor's own texture are not for reading back.
    const isReadable = isDrawn && this.#drawing && !screen.isSphere;
    return { eye, corners: isReadable ? this.#corners(screenToClip, screen, box) : null };
  }

  /** Bind what this view is drawn into; returns its box, origin bottom left. */
  #bind(view) {
    const { gl } = this.presenter;
    if (this.#layer) return this.#layer.bind(view);
    gl.bindFramebuffer(gl.FRAMEBUFFER, this.#drawing.framebuffer);
    return this.#drawing.getViewport(view);
  }

  /** Return shape and eye rectangles of the screen, and rebuild its mesh when the shape changed. */
  #screen() {
    const values = this.settings.all();
    const { rects, aspect, layout } = this.presenter.eyes(values);
    const { widthM, distanceM, curvature } = values;
    const isSphere = layout === "vr180";
    const key = [widthM, distanceM, curvature, aspect, isSphere].join(" ");
    if (key !== this.#meshKey) {
      if (this.#mesh) this.presenter.freeMesh(this.#mesh);
      const shape = { widthM, distanceM, curvature, aspect };
      this.#mesh = this.presenter.buildMesh(isSphere ? sphereVertices() : screenVertices(shape));
      this.#meshKey = key;
    }
    return { rects, aspect, layout, isSphere, widthM, distanceM, curvature, };
  }

  #corners(toClip, screen, box) {
    const shape = screenVertices(screen);
    const last = shape.length - 10;
    const at = (offset) => {
      const [x, y] = transformPoint(toClip, shape.subarray(offset, offset + 3));
      const fromBottom = box.y + ((y + 1) / 2) * box.height;
      return [box.x + ((x + 1) / 2) * box.width, this.#drawing.framebufferHeight - fromBottom];
    };
    return [at(0), at(last), at(last + 5), at(5)];
  }

  /** Draw with WebGL from now on: the layer cannot show these settings, or shows nothing. */
  #giveUpLayer() {
    this.#layer.close();
    this.#layer = null;
    this.#drawWithWebGl();
  }

  #drawWithWebGl() {
    this.#drawing = new XRWebGLLayer(this.#session, this.presenter.gl);
    this.#session.updateRenderState({ baseLayer: this.#drawing });
  }

  #tell() {
    this.dispatchEvent(new Event("change"));
  }
}
