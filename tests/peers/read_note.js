// Reads a cosigned checkpoint by C2SP's texts alone (signed-note, tlog-checkpoint, tlog-cosignature with ML-DSA-44) and
// verifies each line with ML-DSA that nobody here wrote. Input: {note, keys: {name: hex}}; output: {size, signed}.
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { ml_dsa44 } from "@noble/post-quantum/ml-dsa.js";

const { note, keys } = JSON.parse(readFileSync(0, "utf8"));
const split = note.indexOf("\n\n");
const [origin, size, root] = note.slice(0, split).split("\n");

function u64(number) {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64BE(BigInt(number));
  return bytes;
}

function named(text) {
  const bytes = Buffer.from(text, "utf8");
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}

const signed = [];
for (const line of note.slice(split + 2).split("\n").filter((one) => one)) {
  const [dash, name, encoded] = line.split(" ");
  const blob = Buffer.from(encoded, "base64");
  const key = Buffer.from(keys[name] ?? "", "hex");
  const id = createHash("sha256").update(Buffer.concat([Buffer.from(name + "\n\x06", "latin1"), key])).digest();
  const message = Buffer.concat([
    Buffer.from("subtree/v1\n\0", "latin1"),
    named(name),
    blob.subarray(4, 12),
    named(origin),
    u64(0),
    u64(size),
    Buffer.from(root, "base64"),
  ]);
  const valid =
    dash === "\u2014" &&
    key.length === 1312 &&
    blob.subarray(0, 4).equals(id.subarray(0, 4)) &&
    ml_dsa44.verify(blob.subarray(12), message, key);
  if (valid) signed.push(name);
}
process.stdout.write(JSON.stringify({ size: Number(size), signed }));
