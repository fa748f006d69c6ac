// Geometry of the virtual cinema: 4×4 matrices, the screen's mesh, rays against planes.
// Pure. Matrices are column-major Float32Arrays as WebGL wants them; metres; y up, −z ahead.

export const SCREEN_COLUMNS = 48;
const SPHERE_ROWS = 32;
/** Far enough that a moving head sees no parallax of the sphere itself. */
const SPHERE_RADIUS_M = 20;
/** Whoever looks this far up or down while recentring means it: in bed, on a couch. */
const TILT_FROM_RAD = 0.45;

export function multiply(a, b) {
  const product = new Float32Array(16);
  for (let column = 0; column < 4; column += 1) {
    for (let row = 0; row < 4; row += 1) {
      let sum = 0;
      for (let k = 0; k < 4; k += 1) sum += a[k * 4 + row] * b[column * 4 + k];
      product[column * 4 + row] = sum;
    }
  }
  return product;
}

export function translation(x, y, z) {
  return new Float32Array([1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, x, y, z, 1]);
}

/** Return the rotation about y by yaw, then about the turned x by pitch; radians. */
export function rotation(yaw, pitch) {
  const [cy, sy, cp, sp] = [Math.cos(yaw), Math.sin(yaw), Math.cos(pitch), Math.sin(pitch)];
  return new Float32Array([cy, 0, -sy, 0, sy * sp, cp, cy * sp, 0, sy * cp, -sp, cy * cp, 0, 0, 0, 0, 1]);
}

export function scaling(x, y, z) {
  return new Float32Array([x, 0, 0, 0, 0, y, 0, 0, 0, 0, z, 0, 0, 0, 0, 1]);
}

/** Move a point by a matrix; w divides, so that projections work too. */
export function transformPoint(matrix, [x, y, z]) {
  const at = (row) => matrix[row] * x + matrix[4 + row] * y + matrix[8 + row] * z + matrix[12 + row];
  const w = at(3);
  return [at(0) / w, at(1) / w, at(2) / w];
}

/** Invert a matrix of rotation and translation only. */
export function invertRigid(m) {
  const [x, y, z] = [m[12], m[13], m[14]];
  return new Float32Array([
    m[0], m[4], m[8], 0, m[1], m[5], m[9], 0, m[2], m[6], m[10], 0,
    -(m[0] * x + m[1] * y + m[2] * z),
    -(m[4] * x + m[5] * y + m[6] * z),
    -(m[8] * x + m[9] * y + m[10] * z), 1,
  ]);
}

/** Return where a viewer sits and looks, from the matrix of the head's pose; no roll. */
export function anchorOf(head) {
  const [x, y, z] = [-head[8], -head[9], -head[10]]; // forward
  const pitch = Math.asin(Math.max(-1, Math.min(1, y)));
  const position = [head[12], head[13], head[14]];
  return { position, yaw: Math.atan2(-x, -z), pitch: Math.abs(pitch) > TILT_FROM_RAD ? pitch : 0 };
}

/** Return the matrix from the viewer's place to the world. */
export function anchorMatrix({ position, yaw, pitch }) {
  return multiply(translation(...position), rotation(yaw, pitch));
}

/** Return the quaternion {x, y, z, w} of an anchor's turn. */
export function anchorQuaternion({ yaw, pitch }) {
  const [cy, sy] = [Math.cos(yaw / 2), Math.sin(yaw / 2)];
  const [cp, sp] = [Math.cos(pitch / 2), Math.sin(pitch / 2)];
  return { x: cy * sp, y: sy * cp, z: -sy * sp, w: cy * cp };
}

/** Return the radius of a curved screen, or Infinity of a flat one; 1 is all around the viewer. */
export function screenRadius(distanceM, curvature) {
  return curvature > 0.01 ? distanceM / curvature : Infinity;
}

/**
 * Return a triangle strip [x, y, z, u, v]… of the screen, centred straight ahead of the viewer.
 *
 * widthM is measured along the surface; a curved screen never closes more than half a circle.
 */
export function screenVertices({ widthM, aspect, distanceM, curvature }) {
  const radius = screenRadius(distanceM, curvature);
  const heightM = widthM / aspect;
  const vertices = [];
  for (let column = 0; column <= SCREEN_COLUMNS; column += 1) {
    const share = column / SCREEN_COLUMNS;
    let [x, z] = [(share - 0.5) * widthM, -distanceM];
    if (Number.isFinite(radius)) {
      const angle = Math.max(-Math.PI / 2, Math.min(Math.PI / 2, ((share - 0.5) * widthM) / radius));
      x = radius * Math.sin(angle);
      z = radius - distanceM - radius * Math.cos(angle);
    }
    vertices.push(x, heightM / 2, z, share, 0, x, -heightM / 2, z, share, 1);
  }
  return new Float32Array(vertices);
}

/**
 * Return a triangle strip [x, y, z, u, v]… of the half sphere ahead, for equirectangular 180°.
 *
 * Rows of the sphere are joined by triangles without area.
 */
export function sphereVertices() {
  const vertices = [];
  const add = (u, v) => {
    const [longitude, latitude] = [(u - 0.5) * Math.PI, (0.5 - v) * Math.PI];
    const ring = SPHERE_RADIUS_M * Math.cos(latitude);
    const [x, z] = [ring * Math.sin(longitude), -ring * Math.cos(longitude)];
    vertices.push(x, SPHERE_RADIUS_M * Math.sin(latitude), z, u, v);
  };
  for (let row = 0; row < SPHERE_ROWS; row += 1) {
    const [top, bottom] = [row / SPHERE_ROWS, (row + 1) / SPHERE_ROWS];
    if (row > 0) add(0, top);
    for (let column = 0; column <= SCREEN_COLUMNS; column += 1) {
      add(column / SCREEN_COLUMNS, top);
      add(column / SCREEN_COLUMNS, bottom);
    }
    add(1, bottom);
  }
  return new Float32Array(vertices);
}

/** Return a triangle strip of a flat rectangle around the origin. */
export function rectangleVertices(widthM, heightM) {
  const [x, y] = [widthM / 2, heightM / 2];
  return new Float32Array([-x, y, 0, 0, 0, -x, -y, 0, 0, 1, x, y, 0, 1, 0, x, -y, 0, 1, 1]);
}

/**
 * Return where a ray meets a rectangle: {u, v, distanceM} with u, v in [0, 1], or null.
 *
 * ray is the matrix of a pointer (it points along −z), plane that of the rectangle's middle.
 */
export function hitRectangle(ray, plane, widthM, heightM) {
  const local = multiply(invertRigid(plane), ray);
  const [dx, dy, dz] = [-local[8], -local[9], -local[10]];
  const distanceM = -local[14] / dz;
  if (!(distanceM > 0) || !Number.isFinite(distanceM)) return null;
  const u = (local[12] + dx * distanceM) / widthM + 0.5;
  const v = 0.5 - (local[13] + dy * distanceM) / heightM;
  return u >= 0 && u <= 1 && v >= 0 && v <= 1 ? { u, v, distanceM } : null;
}
