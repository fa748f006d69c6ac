// window.stereocast: what tests and curious people may read. It changes nothing.
//
// state()           link, stream, figures, settings, headset, all plain objects
// lastFrame()       the newest picture: seq, layout, size, times in ms of this browser and of the
//                   engine, its age, stamps and facts; null before the first
// onDraw(listener)  listener({seq, where, views, read}) after every drawing, its pixels still there;
//                   where is "page" or "headset"; views = [{eye, corners}], corners of that eye's
//                   picture in framebuffer pixels, from the top left: top left, top right, bottom
//                   right, bottom left; read(x, y, width, height) gives RGBA rows from the top.
//                   Returns a function that stops it.
// onSound(listener) listener({samples, heardMs, rateHz}) with everything that is played, left channel;
//                   heardMs is when its first sample is heard, ms of this browser. Returns the same.

/** Publish window.stereocast. */
export function introspect({ player, settings, headset, sound }) {
  window.stereocast = Object.freeze({
    state: () => ({
      link: { ...player.link },
      stream: player.stream && { ...player.stream },
      figures: player.figures(),
      health: player.health && { ...player.health },
      settings: settings.all(),
      isPaused: player.isPaused,
      sound: { state: sound.state, ...sound.figures() },
      headset: { isOffered: headset.isOffered, isOn: headset.isOn, path: headset.path },
    }),
    lastFrame: () => player.last && { ...player.last },
    onDraw: (listener) => player.onDraw(listener),
    onSound: (listener) => sound.onSamples(listener),
  });
}
