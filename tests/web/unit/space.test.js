// Geometry of the virtual cinema.

import assert from "node:assert/strict";
import { test } from "node:test";
import * as space from "../../../runtime/web/static/space.js";

const near = (actual, expected, tolerance = 1e-5) =>
  actual.forEach((value, index) => assert.ok(Math.abs(value - expected[index]) < tolerance, `${[...actual]} is not ${expected}`));
const place = (position, yaw, pitch) => space.anchorMatrix({ position, yaw, pitch });

test("a rigid matrix times its inverse is the identity", () => {
  const matrix = place([1, -2, 3], 0.7, -0.3);
  near(space.multiply(matrix, space.invertRigid(matrix)), space.translation(0, 0, 0));
});

test("recentring finds where a head looks, and levels small nods", () => {
  const anchor = space.anchorOf(place([1, 1.6, -2], 2.1, -0.9));
  near([...anchor.position, anchor.yaw, anchor.pitch], [1, 1.6, -2, 2.1, -0.9]);
  assert.equal(space.anchorOf(place([0, 0, 0], 1, 0.3)).pitch, 0);
});

test("the anchor's quaternion turns as its matrix does", () => {
  const anchor = { position: [0, 0, 0], yaw: -1.2, pitch: 0.6 };
  const { x, y, z, w } = space.anchorQuaternion(anchor);
  const forward = [-2 * (x * z + w * y), -2 * (y * z - w * x), -(1 - 2 * (x * x + y * y))];
  near(forward, space.transformPoint(space.anchorMatrix(anchor), [0, 0, -1]));
});

test("a flat screen stands straight ahead, at its distance and size", () => {
  const vertices = space.screenVertices({ widthM: 3.2, aspect: 16 / 9, distanceM: 2.5, curvature: 0 });
  near(vertices.subarray(0, 5), [-1.6, 0.9, -2.5, 0, 0]);
  near(vertices.subarray(-5), [1.6, -0.9, -2.5, 1, 1]);
});

test("a curved screen keeps its middle's distance and its length along the surface", () => {
  for (const curvature of [0.2, 0.6, 1]) {
    const vertices = space.screenVertices({ widthM: 3.2, aspect: 2, distanceM: 2.5, curvature });
    const middle = (space.SCREEN_COLUMNS / 2) * 10;
    near(vertices.subarray(middle, middle + 3), [0, 0.8, -2.5]);
    let length = 0;
    for (let at = 10; at < vertices.length; at += 10) {
      length += Math.hypot(vertices[at] - vertices[at - 10], vertices[at + 2] - vertices[at - 8]);
    }
    assert.ok(Math.abs(length - 3.2) < 0.002, `length ${length}`);
  }
});

test("a fully curved screen is equally far everywhere", () => {
  const vertices = space.screenVertices({ widthM: 5, aspect: 2, distanceM: 2, curvature: 1 });
  for (let at = 0; at < vertices.length; at += 10) {
    assert.ok(Math.abs(Math.hypot(vertices[at], vertices[at + 2]) - 2) < 1e-5);
  }
});

test("the half sphere lies ahead, its middle straight ahead, equally far everywhere", () => {
  const vertices = space.sphereVertices();
  let middle = null;
  for (let at = 0; at < vertices.length; at += 5) {
    const [x, y, z, u, v] = vertices.subarray(at, at + 5);
    assert.ok(Math.abs(Math.hypot(x, y, z) - 20) < 1e-3 && z < 1e-3);
    if (u === 0.5 && v === 0.5) middle = [x, y, z];
    if (u > 0.5) assert.ok(x > -1e-3);
    if (v < 0.5) assert.ok(y > -1e-3);
  }
  near(middle, [0, 0, -20], 1e-3);
});

test("a ray meets a rectangle where it points", () => {
  const plane = space.multiply(space.translation(0.5, 0, -2), space.rotation(0, 0));
  const hit = space.hitRectangle(place([0.5, 0.25, 0], 0, 0), plane, 2, 1);
  near([hit.u, hit.v, hit.distanceM], [0.5, 0.25, 2]);
  assert.equal(space.hitRectangle(place([0, 0, 0], Math.PI, 0), plane, 2, 1), null);
  assert.equal(space.hitRectangle(place([0, 3, 0], 0, 0), plane, 2, 1), null);
});

test("a ray meets a tilted rectangle at its middle", () => {
  const plane = space.multiply(space.translation(0, -0.68, -1.02), space.rotation(0, -0.58));
  const hit = space.hitRectangle(place([0, 0, 0], 0, -Math.atan2(0.68, 1.02)), plane, 1, 0.6);
  near([hit.u, hit.v], [0.5, 0.5]);
});
