"""JavaScript graders that attack: none succeeds, and the next evaluation in the same grader is right."""

from collections.abc import Iterator

import pytest

from lucy.tools.graders.host import Limits
from lucy.tools.graders.javascript_script import open_javascript
from lucy.tools.graders.kinds import JavascriptGrader
from lucy.tools.graders.resources import Resources
from lucy.tools.vocabulary import Grade, Record, ScoreMany

RECORD = Record(id="r", prompt=({"role": "user", "content": "?"},))
HONEST = Grade(score=0.75, reason="honest")

LATE = {"timeout"}
FULL = {"memory", "timeout"}
WRONG = {"invalid_result"}
THROWN = {"runtime_error"}

# Each gives 1 only when it got what it wanted; what is expected instead: an error, or a score.
ATTACKS: dict[str, tuple[str, set[str] | float]] = {
    # Time.
    "loops for ever": ("while (true);", LATE),
    "loops in what catches everything": ("while (true) { try { while (true); } catch {} finally {} }", LATE),
    "loops in finally": ("try { throw 1 } finally { while (true); }", LATE),
    "backtracks in a regex": ("return /^(a+)+$/.test('a'.repeat(40) + '!') ? 1 : 0", LATE),
    "loops in the callback of sort": ("return [3, 1, 2].sort(() => { while (true); }).length", LATE),
    "loops in an async function": ("(async () => { while (true); })(); return 1", LATE),
    "loops in a built-in that is not interrupted": (
        "Array.prototype.reverse.call({ length: 2 ** 53 - 1 }); return 1",
        LATE,
    ),
    "loops while its error is written": (
        "const loop = () => { while (true); };\n"
        "Error.prepareStackTrace = loop; Error.prototype.toString = loop;\n"
        "Object.defineProperty(Object.prototype, 'stack', { get: loop }); while (true);",
        LATE,
    ),
    "loops when its error's message is read": (
        "throw { get message() { while (true); } }",
        LATE,
    ),
    "waits on shared memory": (
        "Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0); return 1",
        THROWN,
    ),
    # Memory.
    "allocates array buffers": ("const a = []; while (true) a.push(new ArrayBuffer(1e7));", FULL),
    "allocates one huge typed array": ("return new Float64Array(1e9).length", FULL | THROWN),
    "fills typed arrays": ("const a = []; while (true) a.push(new Uint8Array(1e7).fill(7));", FULL),
    "doubles a string": ("let s = 'x'; while (true) s += s;", FULL | THROWN),
    "repeats a string": ("return 'x'.repeat(2 ** 30).length", FULL | THROWN),
    "keeps arrays in a global": ("globalThis.a = []; while (true) a.push(new Array(1e5).fill(7));", FULL),
    "joins a huge array": ("return new Array(1e9).join('xxxxxxxx').length ? 1 : 0", FULL),
    "spreads an infinite generator": ("return [...(function* () { while (true) yield 1 })()].length", FULL),
    "grows a map": ("const m = new Map(); for (let i = 0; ; i++) m.set(i, [i]);", FULL),
    "raises a giant power": ("return Number((2n ** 1000000n) ** 1000000n > 0n)", FULL | THROWN),
    "catches that memory ran out": (
        "const a = [];\ntry { while (true) a.push(new ArrayBuffer(1e7)) } catch { return 0.5 }",
        0.5,
    ),
    # Stack.
    "recurses without end": ("const f = () => f() + 1; return f()", THROWN),
    "recurses through getters": ("const o = { get o() { return this.o } }; return o.o", THROWN),
    "recurses through toString": (
        "const o = { toString() { return '' + this } }; return ('' + o).length",
        THROWN,
    ),
    "writes deep JSON": (
        "let o = []; for (let i = 0; i < 2e5; i++) o = [o]; return JSON.stringify(o).length ? 1 : 0",
        THROWN,
    ),
    "reads deep JSON": ("JSON.parse('['.repeat(1e6) + ']'.repeat(1e6)); return 1", THROWN),
    "compiles a deep expression": ("eval('('.repeat(1e5) + '1' + ')'.repeat(1e5)); return 1", THROWN),
    "compiles a deep regex": ("new RegExp('('.repeat(1e5) + ')'.repeat(1e5)); return 1", THROWN),
    "flattens a deep array": (
        "let o = []; for (let i = 0; i < 2e5; i++) o = [o]; return o.flat(Infinity).length ? 0 : 1",
        THROWN,
    ),
    # Results that are not what they seem.
    "returns a getter": ("return { get score() { return 1 } }", WRONG),
    "returns a proxy": ("return new Proxy({}, { get: () => 1, has: () => true })", THROWN),
    "returns what turns into a number": ("return { valueOf: () => 1, toString: () => '1' }", WRONG),
    "returns what is primitive on demand": ("return { [Symbol.toPrimitive]: () => 1 }", WRONG),
    "returns a boxed number": ("return new Number(1)", WRONG),
    "returns an inherited score": ("return { __proto__: { score: 1, reason: 'x' } }", WRONG),
    "returns an own __proto__": ('return JSON.parse(\'{"__proto__": {"score": 1}}\')', WRONG),
    "returns an array": ("return Object.assign([1], { score: 1 })", WRONG),
    "returns a function": ("return Object.assign(() => 1, { score: 1 })", WRONG),
    "returns a promise": ("return Promise.resolve(1)", WRONG),
    "returns a thenable": ("return { then(done) { done(1) } }", WRONG),
    "returns a bigint": ("return 1n", WRONG),
    "returns a symbol": ("return Symbol('1')", WRONG),
    "returns not a number": ("return { score: NaN, reason: 'x' }", WRONG),
    "returns infinity": ("return Infinity", WRONG),
    "returns the engine's answer as text": ('return \'{"score":1,"reason":""}\'', WRONG),
    "throws the engine's answer": ('throw \'{"score":1,"reason":""}\'', THROWN),
    "throws an object that looks like an answer": ("throw { score: 1, stage: 'result', message: 7 }", THROWN),
    "throws what cannot be shown": (
        "throw { get name() { throw this }, get message() { throw this }, get stack() { throw this } }",
        THROWN,
    ),
    "forges an interruption": ("throw new Error('InternalError: interrupted')", THROWN),
    # Changed builtins.
    "puts a score on every object": ("Object.prototype.score = 1; return {}", WRONG),
    "puts a value on every descriptor": (
        "Object.prototype.value = 1; return { get score() { return 0 } }",
        WRONG,
    ),
    "changes how JSON is written": ('JSON.stringify = () => \'{"score":1,"reason":""}\'; return 0', 0.0),
    "changes how JSON is read": ("JSON.parse = () => ({ score: 1 }); return 0", 0.0),
    "puts toJSON on everything": (
        "for (const one of [Object, Number, String, Boolean]) one.prototype.toJSON = () => 1;\n"
        "return { score: 0, reason: 'x' }",
        0.0,
    ),
    "changes what numbers are finite": ("Number.isFinite = () => true; return NaN", WRONG),
    "changes how properties are read": (
        "Object.getOwnPropertyDescriptor = Reflect.getOwnPropertyDescriptor = () => ({ value: 1 });\n"
        "return { score: 0 }",
        0.0,
    ),
    "sets traps on Object.prototype": (
        "for (const name of ['score', 'reason', 'value', 'stage', 'get', '0'])\n"
        "  Object.defineProperty(Object.prototype, name,\n"
        "    { __proto__: null, get: () => 1, set() { throw 1 } });\n"
        "return 0",
        0.0,
    ),
    "changes how functions are called": (
        "Function.prototype.call = Function.prototype.apply = Function.prototype.bind = () => 1; return 0",
        0.0,
    ),
    "forges evaluate by eval": ("(0, eval)('var evaluate = () => 1'); return 0", 0.0),
    "swaps the global object's parts": (
        "for (const name of Object.getOwnPropertyNames(globalThis))\n"
        "  try { globalThis[name] = () => 1 } catch {}\n"
        "return 0",
        0.0,
    ),
    # Ways out.
    "asks the Function constructor for process": (
        "return (() => {}).constructor.constructor('return typeof process === \"undefined\" ? 0 : 1')()",
        0.0,
    ),
    "asks every other function constructor": (
        "const makers = [async () => {}, function* () {}, async function* () {}].map(f => f.constructor);\n"
        "return makers.some(make => make('return process') instanceof Array) ? 1 : 0",
        0.0,
    ),
    "looks for a host": (
        "return [typeof require, typeof process, typeof os, typeof std, typeof Worker, typeof fetch,\n"
        "  typeof WebAssembly, typeof console, typeof print, typeof scriptArgs, typeof Deno, typeof bjson,\n"
        "  typeof setTimeout, typeof performance, typeof navigator, typeof gc, typeof module, typeof load]\n"
        "  .every(type => type === 'undefined') ? 0 : 1",
        0.0,
    ),
    "walks the global object": (
        "const seen = new Set(), found = [];\n"
        "const walk = (value) => {\n"
        "  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;\n"
        "  if (seen.has(value)) return;\n"
        "  seen.add(value);\n"
        "  for (const key of Reflect.ownKeys(value)) {\n"
        "    if (/^(proxy|sharedarraybuffer|atomics|weakref|finalizationregistry|py|os$|std$)/i\n"
        "      .test(String(key))) found.push(key);\n"
        "    const field = Reflect.getOwnPropertyDescriptor(value, key);\n"
        "    [field.value, field.get, field.set].forEach(walk);\n"
        "  }\n"
        "  walk(Reflect.getPrototypeOf(value));\n"
        "};\n"
        "walk(globalThis); walk(input);\n"
        "return found.length ? 1 : 0",
        0.0,
    ),
    "imports a file": (
        "let read = 0;\n"
        "for (const name of ['fs', 'os', 'std', 'qjs:os', 'qjs:std', '/etc/passwd', 'file:///etc/passwd'])\n"
        "  import(name).then(() => { read = 1 });\n"
        "return read",
        0.0,
    ),
    "imports as a statement": ("eval('import os from \"qjs:os\"'); return 1", THROWN),
    "walks its callers": (
        "let f = evaluate;\nfor (let i = 0; i < 3; i++) f = f.caller;\nreturn f ? 1 : 0",
        THROWN | {"invalid_result"},
    ),
    "asks its stack for functions": (
        "let found = 0;\n"
        "try { Error.prepareStackTrace = (error, sites) => {\n"
        "  found = sites.some(site => site.getFunction && site.getFunction()) ? 1 : 0; return ''\n"
        "} } catch {}\n"
        "new Error('x').stack; return found",
        0.0,
    ),
    "reads the clock": ("const first = Date.now(); return first || new Date().getTime() || 0", 0.0),
    "finds the running clock": (
        "const Clock = Object.getPrototypeOf(new Date()).constructor;\n"
        "return Reflect.construct(Clock, []).getTime() || Number(Clock() !== new Date(0).toString())",
        0.0,
    ),
    "sees the garbage collector": (
        "return typeof WeakRef === 'undefined' && typeof FinalizationRegistry === 'undefined' ? 0 : 1",
        0.0,
    ),
    # State.
    "looks for what an earlier evaluation left": (
        "const kept = globalThis.left || Array.prototype.left || 0;\n"
        "globalThis.left = Array.prototype.left = 1; return kept",
        0.0,
    ),
    "never resolves": ("return new Promise(() => {})", WRONG),
    "leaves jobs behind": (
        "const again = () => Promise.resolve().then(again); again(); return 0",
        0.0,
    ),
}

SOURCE = (
    "const attacks = {\n"
    + "".join(
        f"  {name!r}: function (input, evaluate) {{ {body}\n }},\n" for name, (body, _) in ATTACKS.items()
    )
    + "};\n"
    "function evaluate(input) {\n"
    "  if (input.response in attacks) return attacks[input.response](input, evaluate);\n"
    "  const left = globalThis.left || Array.prototype.left || Object.prototype.score;\n"
    "  return { score: JSON.parse('[0.75]')[0] - (left ? 0.5 : 0), reason: 'honest' };\n"
    "}\n"
)


@pytest.fixture(scope="module")
def score_many() -> Iterator[ScoreMany]:
    config = JavascriptGrader(name="hostile", source=SOURCE)
    with open_javascript(config, Resources(workers=1), Limits(seconds=0.5)) as score:
        yield score


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_fails_and_the_next_evaluation_is_right(score_many: ScoreMany, name: str) -> None:
    expected = ATTACKS[name][1]
    pairs = [(RECORD, name), (RECORD, "honest")]
    # A batch with a late evaluation is done again one by one, which would be late a second time.
    together = not (isinstance(expected, set) and "timeout" in expected)
    attacked, honest = score_many(pairs) if together else [score_many([pair])[0] for pair in pairs]
    if isinstance(expected, float):
        assert (attacked.score, attacked.error) == (expected, None), attacked
    else:
        assert attacked.score is None, attacked
        assert attacked.error in expected, attacked
        assert attacked.reason
        assert len(attacked.reason) <= 300
    assert honest == HONEST


def test_a_second_attack_finds_nothing_of_the_first(score_many: ScoreMany) -> None:
    name = "looks for what an earlier evaluation left"
    assert [grade.score for grade in score_many([(RECORD, name)] * 3)] == [0.0, 0.0, 0.0]
