// GLSL programs of the player, and the one way to compile them. No state, no drawing.

const SAMPLE = `#version 300 es
precision highp float;
uniform sampler2D picture;
in vec2 place;
out vec4 colour;
// Half a texel inside its rectangle, or the other eye would bleed over the seam.
vec2 inside(vec4 rect) {
  vec2 margin = 0.5 / vec2(textureSize(picture, 0));
  return clamp(mix(rect.xy, rect.zw, place), rect.xy + margin, rect.zw - margin);
}`;

/** A mesh in [x, y, z, u, v], moved by one matrix; `place` is the spot within one eye. */
export const MESH_VERTEX = `#version 300 es
layout(location = 0) in vec3 position;
layout(location = 1) in vec2 texel;
uniform mat4 toClip;
out vec2 place;
void main() {
  place = texel;
  gl_Position = toClip * vec4(position, 1.0);
}`;

/** Fill the viewport; `place` runs from the top left. */
export const FILL_VERTEX = `#version 300 es
out vec2 place;
void main() {
  vec2 corner = vec2(float(gl_VertexID & 1), float(gl_VertexID >> 1));
  place = vec2(corner.x, 1.0 - corner.y);
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/** One eye as it is. */
export const EYE_FRAGMENT = `${SAMPLE}
uniform vec4 rect;
void main() { colour = vec4(texture(picture, inside(rect)).rgb, 1.0); }`;

/**
 * Both eyes for red-cyan glasses, mixed in linear light.
 * Source: E. Dubois, "A projection method to generate anaglyph stereo images", ICASSP 2001; the
 * matrices are his published ones for red-cyan glasses and an LCD.
 */
export const ANAGLYPH_FRAGMENT = `${SAMPLE}
uniform vec4 rect;
uniform vec4 otherRect;
const mat3 LEFT = mat3(
  0.4561, -0.0400822, -0.0152161,
  0.500484, -0.0378246, -0.0205971,
  0.176381, -0.0157589, -0.00546856);
const mat3 RIGHT = mat3(
  -0.0434706, 0.378476, -0.0721527,
  -0.0879388, 0.73364, -0.112961,
  -0.00155529, -0.0184503, 1.2264);
vec3 toLight(vec3 v) { return mix(v / 12.92, pow((v + 0.055) / 1.055, vec3(2.4)), step(0.04045, v)); }
vec3 toSrgb(vec3 v) { return mix(v * 12.92, 1.055 * pow(v, vec3(1.0 / 2.4)) - 0.055, step(0.0031308, v)); }
void main() {
  vec3 light = LEFT * toLight(texture(picture, inside(rect)).rgb)
    + RIGHT * toLight(texture(picture, inside(otherRect)).rgb);
  colour = vec4(toSrgb(clamp(light, 0.0, 1.0)), 1.0);
}`;

/** A depth map (red channel, 1 is near) as a ramp from deep blue over violet to warm white. */
export const DEPTH_FRAGMENT = `${SAMPLE}
void main() {
  float near = texture(picture, place).r;
  vec3 far = vec3(0.03, 0.05, 0.16);
  vec3 low = vec3(0.22, 0.20, 0.52);
  vec3 high = vec3(0.86, 0.43, 0.42);
  vec3 close = vec3(1.0, 0.93, 0.78);
  vec3 ramp = mix(far, low, smoothstep(0.0, 0.35, near));
  ramp = mix(ramp, high, smoothstep(0.3, 0.7, near));
  colour = vec4(mix(ramp, close, smoothstep(0.65, 1.0, near)), 1.0);
}`;

/** The panel's picture, with its alpha. */
export const PANEL_FRAGMENT = `${SAMPLE}
void main() { colour = texture(picture, place); }`;

/** One colour. */
export const PLAIN_FRAGMENT = `#version 300 es
precision highp float;
uniform vec4 tint;
in vec2 place;
out vec4 colour;
void main() { colour = vec4(tint.rgb * tint.a, tint.a); }`;

/** Compile a program; returns it with its uniforms' locations. Throws with the driver's words. */
export function buildProgram(gl, vertex, fragment) {
  const program = gl.createProgram();
  for (const [kind, source] of [[gl.VERTEX_SHADER, vertex], [gl.FRAGMENT_SHADER, fragment]]) {
    const shader = gl.createShader(kind);
    gl.shaderSource(shader, source);
    gl.compileShader(shader);
    gl.attachShader(program, shader);
  }
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    const logs = gl.getAttachedShaders(program).map((shader) => gl.getShaderInfoLog(shader));
    throw new Error(`a shader does not compile: ${logs.join(" ")}`);
  }
  const uniforms = {};
  for (const name of ["picture", "rect", "otherRect", "toClip", "tint"]) {
    uniforms[name] = gl.getUniformLocation(program, name);
  }
  return { program, ...uniforms };
}
