import {
    entryHash,
    findPullEntry,
    narrowerEntries,
    pullEntry,
    removePullEntry,
    setPullEntry,
} from "../../../lib/openshift/trust/pull-secret";

const KEY = "registry.test:8443";
const ENTRY = pullEntry({ username: "puller", password: "pa:ss" });
const OTHER = '"quay.io": {"auth" :"eDp5", "email":"a@b.c", "x": [1, {"y": "}]\\""}]}';

test("the entry is that of podman login", () => {
    expect(JSON.parse(ENTRY)).toEqual({ auth: Buffer.from("puller:pa:ss").toString("base64") });
});

const DOCUMENTS: [string, string, string][] = [
    ["compact", '{"auths":{"a":{}}}', `{"auths":{"a":{},"${KEY}":${ENTRY}}}`],
    ["empty auths", '{"auths":{}}', `{"auths":{"${KEY}":${ENTRY}}}`],
    ["empty auths with a space", '{"auths": { } }\n', `{"auths": {"${KEY}":${ENTRY} } }\n`],
    [
        "indented, with unknown keys and text that looks like JSON",
        `{\n  "credHelpers": {"z": "}"},\n  "auths": {\n    ${OTHER}\n  },\n  "n": -1.5e3, "t": true\n}\n`,
        `{\n  "credHelpers": {"z": "}"},\n  "auths": {\n    ${OTHER},\n    "${KEY}":${ENTRY}\n  },\n  "n": -1.5e3, "t": true\n}\n`,
    ],
    ["numbers and words at the end", '{"auths":{"a":1 ,"b":null}}', `{"auths":{"a":1 ,"b":null,"${KEY}":${ENTRY}}}`],
    ["an escaped name", '{"\\u0061uths":{"a":{}}}', `{"\\u0061uths":{"a":{},"${KEY}":${ENTRY}}}`],
];

test.each(DOCUMENTS)("adds the entry and keeps every other byte: %s", (_name, text, expected) => {
    expect(setPullEntry(text, KEY, ENTRY)).toBe(expected);
});

test.each(DOCUMENTS)("takes out what it has added: %s", (_name, text) => {
    const added = setPullEntry(text, KEY, ENTRY);
    expect(removePullEntry(added, KEY)).toBe(text);
    expect(findPullEntry(added, KEY)).toBe(ENTRY);
});

test("adds `auths` to a document without it", () => {
    expect(setPullEntry("{ }", KEY, ENTRY)).toBe(`{"auths":{"${KEY}":${ENTRY}} }`);
    expect(setPullEntry('{"x":1}', KEY, ENTRY)).toBe(`{"x":1,"auths":{"${KEY}":${ENTRY}}}`);
});

test("replaces the entry where it stands", () => {
    const text = `{"auths":{"a":{}, "${KEY}" : {"auth":"b2xk", "email": "e"} , "z":{}}}`;
    expect(setPullEntry(text, KEY, ENTRY)).toBe(`{"auths":{"a":{}, "${KEY}" : ${ENTRY} , "z":{}}}`);
});

test.each([
    ["first", `{"auths":{ "${KEY}":{}, "b":{} }}`, '{"auths":{ "b":{} }}'],
    ["in the middle", `{"auths":{"a":{}, "${KEY}":{} ,\n"b":{}}}`, '{"auths":{"a":{}, "b":{}}}'],
    ["last", `{"auths":{"a":{} , "${KEY}":{} }}`, '{"auths":{"a":{} }}'],
    ["alone", `{"auths":{ "${KEY}":{} }}`, '{"auths":{  }}'],
    ["escaped", `{"auths":{"a":{},"registry\\u002etest:8443":{}}}`, '{"auths":{"a":{}}}'],
    ["absent", '{"auths":{"a":{}}}', '{"auths":{"a":{}}}'],
    ["without auths", '{"x":{}}', '{"x":{}}'],
])("takes out an entry that stands %s", (_name, text, expected) => {
    expect(removePullEntry(text, KEY)).toBe(expected);
});

test.each([
    ["not JSON", '{"auths":{"a":"secret-value"', "it is not JSON"],
    ["empty", "", "it is not JSON"],
    ["a byte order mark", '\ufeff{"auths":{}}', "it is not JSON"],
    ["an array", '["auths"]', "it is not a JSON object"],
    ["a text", '"auths"', "it is not a JSON object"],
    ["auths twice", '{"auths":{"secret-value":{}},"auths":{}}', "it has `auths` twice"],
    ["auths twice, once escaped", '{"auths":{},"aut\\u0068s":{}}', "it has `auths` twice"],
    ["auths is a list", '{"auths":["secret-value"]}', "its `auths` is not a JSON object"],
    ["auths is null", '{"auths":null}', "its `auths` is not a JSON object"],
    ["our entry twice", `{"auths":{"${KEY}":{"auth":"secret-value"},"${KEY}":{}}}`, `it has "${KEY}" twice`],
])("refuses a document that it cannot understand: %s", (_name, text, problem) => {
    for (const use of [() => setPullEntry(text, KEY, ENTRY), () => removePullEntry(text, KEY)]) {
        expect(use).toThrow(expect.objectContaining({ code: "PULL_SECRET_INVALID" }) as Error);
        expect(use).toThrow(problem);
        expect(use).not.toThrow("secret-value");
    }
});

test("the hash is that of the content, whatever the spacing and order", () => {
    const hash = entryHash('{"auth":"x","email":"e"}');
    expect(hash).toMatch(/^[0-9a-f]{64}$/);
    expect(entryHash(' { "email" : "e",\n"auth":"x" }')).toBe(hash);
    expect(entryHash('{"auth":"x","email":"f"}')).not.toBe(hash);
    expect(entryHash('{"auth":["x"]}')).not.toBe(entryHash('{"auth":"x"}'));
});

test("finds entries that would be used in place of the registry's", () => {
    const text = `{"auths":{"${KEY}":{},"${KEY}/mirror":{},"${KEY}0":{},"other/${KEY}/x":{}}}`;
    expect(narrowerEntries(text, KEY)).toEqual([`${KEY}/mirror`]);
});

/** Valid JSON objects with every kind of value and spacing. */
function randomDocument(random: () => number): string {
    const pick = <T>(values: readonly T[]): T => values[Math.floor(random() * values.length)] as T;
    const space = () => pick(["", "", " ", "\n  ", "\t", "\r\n"]);
    const text = () =>
        JSON.stringify(pick(["a", "", "}", '"', "\\", ",", ":", "[", "ü\u2028", KEY.slice(1), "auth", "\ud83d"]));
    const value = (depth: number): string => {
        const kind = Math.floor(random() * (depth > 2 ? 4 : 6));
        if (kind === 4)
            return `[${space()}${[1, 2].map(() => value(depth + 1)).join(`${space()},${space()}`)}${space()}]`;
        if (kind === 5) return object(depth + 1, Math.floor(random() * 3));
        return pick([text(), "-0.5e+10", "true", "null"]);
    };
    const member = (name: string, depth: number) => `${name}${space()}:${space()}${value(depth)}`;
    const object = (depth: number, count: number) => {
        const members = Array.from({ length: count }, (_, i) => member(JSON.stringify(`k${i}"}`), depth));
        return `{${space()}${members.join(`${space()},${space()}`)}${space()}}`;
    };
    const others = Array.from({ length: Math.floor(random() * 3) }, (_, i) => member(`"o${i}"`, 0));
    const auths = `"auths"${space()}:${space()}${object(0, Math.floor(random() * 4))}`;
    const all = [...others.slice(0, 1), auths, ...others.slice(1)];
    return `${space()}{${space()}${all.join(`${space()},${space()}`)}${space()}}${space()}`;
}

test("500 generated documents: adding changes nothing else, removing gives the same bytes again", () => {
    let seed = 20_261_129;
    const random = () => (seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648) / 2_147_483_648;
    for (let i = 0; i < 500; i++) {
        const text = randomDocument(random);
        const before = JSON.parse(text) as { auths: Record<string, unknown> };
        const added = setPullEntry(text, KEY, ENTRY);
        const expected = { ...before, auths: { ...before.auths, [KEY]: JSON.parse(ENTRY) as unknown } };
        expect(JSON.parse(added)).toEqual(expected);
        expect(removePullEntry(added, KEY)).toBe(text);
        const replaced = setPullEntry(added, KEY, '{"auth":"bmV3"}');
        expect(setPullEntry(replaced, KEY, ENTRY)).toBe(added);
    }
});
