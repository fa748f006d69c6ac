// Credits: never lost, never given twice, whatever the window does.

import assert from "node:assert/strict";
import { test } from "node:test";
import { CreditWindow, wantedCredit } from "../../../runtime/web/static/credit.js";

test("a near engine needs two pictures under way, a far one more, never over eight", () => {
  assert.equal(wantedCredit(0.2, 30), 2);
  assert.equal(wantedCredit(60, 30), 3);
  assert.equal(wantedCredit(100, 60), 7);
  assert.equal(wantedCredit(900, 60), 8);
  assert.equal(wantedCredit(null, 30), 2);
});

test("each picture gives one credit back, however it ended", () => {
  const credit = new CreditWindow();
  credit.take();
  credit.take();
  assert.equal(credit.settle(1), 1);
  assert.equal(credit.settle(5), 1);
  assert.equal(credit.settle(1), 0);
});

test("the window holds what it says through every change of size", () => {
  const credit = new CreditWindow();
  let granted = 2;
  for (const [size, pictures] of [[5, 9], [3, 4], [8, 20], [2, 30], [4, 1], [2, 9]]) {
    granted += credit.resize(size);
    for (let picture = 0; picture < pictures && granted > 0; picture += 1) {
      credit.take();
      granted -= 1;
      granted += credit.settle(1);
    }
    assert.ok(granted >= 1 && granted <= 8);
  }
  assert.equal(granted, 2);
});
