// JPEG pictures to ImageBitmaps; needs neither WebCodecs nor a secure context.
// Every picture stands alone, so falling behind costs the picture and nothing else.

const MAX_QUEUE = 2;

export class JpegDecoder {
  #listener;
  #underWay = 0;
  #generation = 0;
  codec = "jpeg";
  hardware = null;

  /** listener.onPicture(ImageBitmap, tag), listener.onSpoiled(text, tag). */
  constructor(listener) {
    this.#listener = listener;
  }

  get queue() {
    return this.#underWay;
  }

  /** Decode one picture; `tag` comes back with it. */
  async decode(frame, tag) {
    if (this.#underWay > MAX_QUEUE) {
      this.#listener.onSpoiled("this device decodes too slowly", tag);
      return;
    }
    const generation = this.#generation;
    this.#underWay += 1;
    try {
      const picture = await createImageBitmap(new Blob([frame.payload], { type: "image/jpeg" }));
      if (generation === this.#generation) this.#listener.onPicture(picture, tag);
      else picture.close();
    } catch (error) {
      if (generation === this.#generation) this.#listener.onSpoiled(error.message, tag);
    } finally {
      if (generation === this.#generation) this.#underWay -= 1;
    }
  }

  /** Forget what is under way. */
  close() {
    this.#generation += 1;
    this.#underWay = 0;
    return [];
  }
}
