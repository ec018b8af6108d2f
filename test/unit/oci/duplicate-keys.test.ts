import fc from "fast-check";
import { findDuplicateKey } from "../../../lib/oci/duplicate-keys";

test.each([
    ['{"a": 1,\n"b": {"a": 1},\n"a": 2}', { key: "a", line: 3 }],
    ['{"a": {"b": 1, "c": [{"x": 1}, {"x": 1,\n "x": 1}]}}', { key: "x", line: 2 }],
    ['{"a": 1, "\\u0061": 2}', { key: "a", line: 1 }],
    ['{"__proto__": 1,\n\n"__proto__" : 2}', { key: "__proto__", line: 3 }],
    ['{"a\\"}": 1, "a\\"}": 2}', { key: 'a"}', line: 1 }],
])("the key that an object has twice is found, with its line: %s", (text, expected) => {
    expect(findDuplicateKey(text)).toEqual(expected);
});

test("a text that JSON.stringify wrote has none, whatever is in its strings", () => {
    fc.assert(
        fc.property(fc.jsonValue(), fc.constantFrom(undefined, 2), (value, space) => {
            expect(findDuplicateKey(JSON.stringify(value, undefined, space))).toBeUndefined();
        }),
    );
    expect(findDuplicateKey('["a:", "{", "\\\\", {"a": "\\":"}]')).toBeUndefined();
});
