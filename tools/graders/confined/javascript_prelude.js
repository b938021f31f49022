// Run in each fresh context before the script: it keeps what the answer needs out of the script's reach,
// makes clock and randomness stand still, and gives the function that the engine calls once.
(() => {
  "use strict";
  const { parse, stringify } = JSON;
  const { isFinite } = Number;
  const { isArray } = Array;
  const { imul } = Math;
  const { construct, defineProperty, getOwnPropertyDescriptor, ownKeys } = Reflect;
  const { hasOwn } = Object;
  const runScript = eval;
  const write = String;
  const bind = (method) => Function.prototype.call.bind(method);
  const cut = bind(String.prototype.slice);
  const isWithin = bind(Object.prototype.isPrototypeOf);
  const promises = Promise.prototype;

  // Only ECMAScript stays, without what graders have no use for and engines are attacked through: proxies,
  // shared memory, and whatever lets a script see the garbage collector.
  const kept = new Set(
    ("Object Function Error EvalError RangeError ReferenceError SyntaxError TypeError URIError " +
      "AggregateError Iterator Array parseInt parseFloat isNaN isFinite decodeURI decodeURIComponent " +
      "encodeURI encodeURIComponent escape unescape Infinity NaN undefined eval Number Boolean String Math " +
      "Reflect Symbol globalThis BigInt Date RegExp JSON Map Set WeakMap WeakSet ArrayBuffer " +
      "Uint8ClampedArray Int8Array Uint8Array Int16Array Uint16Array Int32Array Uint32Array BigInt64Array " +
      "BigUint64Array Float16Array Float32Array Float64Array DataView Promise").split(" "),
  );

  // The engine writes the text of an interruption after the time limit has been lifted: no code of the
  // script may run there.
  const lock = (object, name, field) => defineProperty(object, name, { ...field, configurable: false });
  const internal = InternalError.prototype;
  for (const name of ["toString", "name", "message", "stack"]) {
    const { get, value } = getOwnPropertyDescriptor(hasOwn(internal, name) ? internal : Error.prototype, name);
    lock(internal, name, get ? { get } : { value, writable: false });
  }
  lock(Error, "prepareStackTrace", { get: undefined, set: undefined });

  for (const name of ownKeys(globalThis)) if (!kept.has(name)) delete globalThis[name];

  let state = 0;
  Math.random = () => {
    // mulberry32, seed 0.
    state = (state + 0x6d2b79f5) | 0;
    let mixed = imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };

  const RunningDate = Date;
  const writeDate = bind(RunningDate.prototype.toString);
  const StillDate = function Date(...parts) {
    if (new.target === undefined) return writeDate(new RunningDate(0));
    return construct(RunningDate, parts.length === 0 ? [0] : parts, new.target);
  };
  StillDate.UTC = RunningDate.UTC;
  StillDate.parse = RunningDate.parse;
  StillDate.now = () => 0;
  StillDate.prototype = RunningDate.prototype;
  defineProperty(RunningDate.prototype, "constructor", { value: StillDate });
  globalThis.Date = StillDate;

  const readNumber = (value) => {
    if (typeof value === "boolean") return value ? 1 : 0;
    return typeof value === "number" && isFinite(value) ? value : undefined;
  };
  const show = (value) => {
    if (typeof value === "string") return "the text " + stringify(cut(value, 0, 60));
    if (value == null || typeof value === "number" || typeof value === "boolean") return write(value);
    if (typeof value !== "object") return "a " + typeof value;
    if (isArray(value)) return "a list";
    return isWithin(promises, value) ? "a promise" : "an object";
  };
  // Objects that are written have no prototype, so that no `toJSON` of the script is asked.
  const refuse = (value, where) => stringify({ __proto__: null, refused: where + show(value) });
  const readResult = (result) => {
    let score = result, reason, holder = "";
    if (typeof result === "object" && result !== null && !isArray(result)) {
      const scored = getOwnPropertyDescriptor(result, "score");
      const explained = getOwnPropertyDescriptor(result, "reason");
      if (scored === undefined) return refuse(result, "");
      if (!hasOwn(scored, "value")) return refuse(result, "a computed `score` in ");
      if (explained !== undefined && !hasOwn(explained, "value")) return refuse(result, "a computed `reason` in ");
      score = scored.value;
      holder = "an object whose `score` is ";
      reason = explained === undefined ? undefined : explained.value;
    }
    const number = readNumber(score);
    if (number === undefined) return refuse(score, holder);
    if (reason != null && typeof reason !== "string") return refuse(reason, "an object whose `reason` is ");
    return stringify({ __proto__: null, score: number, reason: reason == null ? "" : cut(reason, 0, 300) });
  };

  const readText = (object, name, length) => {
    try {
      const value = object[name];
      return typeof value === "string" ? cut(value, 0, length) : "";
    } catch {
      return "";
    }
  };
  const describeThrown = (stage, thrown) => {
    const isObject = typeof thrown === "object" && thrown !== null;
    return stringify({
      __proto__: null,
      stage,
      name: isObject ? readText(thrown, "name", 60) : show(thrown),
      message: isObject ? readText(thrown, "message", 300) : "",
      stack: isObject ? readText(thrown, "stack", 2000) : "",
    });
  };

  return (source, inputText) => {
    let stage = "input";
    try {
      const input = parse(inputText);
      stage = "compile_error";
      const evaluate = runScript(source + "\n;typeof evaluate === 'function' ? evaluate : undefined");
      if (typeof evaluate !== "function") return stringify({ __proto__: null, stage: "missing" });
      stage = "runtime_error";
      return readResult(evaluate(input));
    } catch (thrown) {
      return describeThrown(stage, thrown);
    }
  };
})();
