import fc from "fast-check";
import { secretForms, withoutSecrets } from "../../../lib/redaction/redaction";
import { withCpuTime } from "../../support/cpu-time";
import { readable } from "../../../lib/distribution/client/error-body";

const NAMED: Readonly<Record<string, string>> = {
    "&": "&amp;",
    "<": "&lt;",
    ">": "&gt;",
    '"': "&quot;",
    "'": "&apos;",
    "/": "&sol;",
    "+": "&plus;",
};
const utf8 = (text: string) => Buffer.from(text, "utf8");
const each = (text: string, spell: (character: string) => string) => [...text].map(spell).join("");
const json = (text: string) => JSON.stringify(text).slice(1, -1);
const point = (character: string) => character.codePointAt(0) ?? 0;
const unicode = (text: string) =>
    text.replace(/[^]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`);

/** What servers are known to make of a text that they repeat. */
const SPELLINGS: Readonly<Record<string, (text: string, username: string) => string>> = {
    "as it is": (text) => text,
    "percent, upper case": (text) => encodeURIComponent(text),
    "percent, lower case": (text) => encodeURIComponent(text).replace(/%../g, (found) => found.toLowerCase()),
    "percent, every byte": (text) => utf8(text).toString("hex").replace(/../g, "%$&"),
    "percent, twice": (text) => encodeURIComponent(encodeURIComponent(text)),
    form: (text) => new URLSearchParams({ "": text }).toString().slice(1),
    "HTML, decimal": (text) => each(text, (character) => `&#${point(character)};`),
    "HTML, decimal with zeros": (text) => each(text, (character) => `&#0${point(character)};`),
    "HTML, hexadecimal": (text) => each(text, (character) => `&#x${point(character).toString(16)};`),
    "HTML, upper-case hexadecimal": (text) =>
        each(text, (character) => `&#X${point(character).toString(16).toUpperCase()};`),
    "HTML, named": (text) => each(text, (character) => NAMED[character] ?? character),
    hexadecimal: (text) => utf8(text).toString("hex"),
    "hexadecimal, upper case": (text) => utf8(text).toString("hex").toUpperCase(),
    "JSON, every unit": unicode,
    "JSON, upper case": (text) => unicode(text).replace(/[a-f]/g, (letter) => letter.toUpperCase()),
    "JSON with slashes": (text) => json(text).replaceAll("/", "\\/"),
    "JSON in JSON": (text) => json(json(text)),
    base64: (text) => utf8(text).toString("base64"),
    "base64 without padding": (text) => utf8(text).toString("base64").replace(/=+$/, ""),
    base64url: (text) => utf8(text).toString("base64url"),
    "base64 of the account": (text, username) => utf8(`${username}:${text}`).toString("base64"),
    "base64 of the account without padding": (text, username) =>
        utf8(`${username}:${text}`).toString("base64").replace(/=+$/, ""),
    "base64url of the account": (text, username) => utf8(`${username}:${text}`).toString("base64url"),
    "a broken line": (text) => `${text.slice(0, text.length / 2)}\r\n  ${text.slice(text.length / 2)}`,
};

const password = fc
    .string({
        minLength: 8,
        maxLength: 40,
        unit: fc.constantFrom(..."abcdefXYZ0189!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~ üß€😀"),
    })
    .filter((text) => text.trim() === text);

test.each(Object.entries(SPELLINGS))("a random password is hidden as %s", (_, spell) => {
    fc.assert(
        fc.property(password, fc.stringMatching(/^[a-z]{1,9}$/), (secret, username) => {
            const spelled = spell(secret, username);
            const shown = withoutSecrets(`(${spelled})`, secretForms({ username, password: secret }));
            expect(shown).toMatch(/^\(\[secret\][^A-Za-z0-9]*\)$/);
        }),
        { seed: 20_261_129, numRuns: 25 },
    );
});

test("an account of another name, and JSON or a form that the password looks like, give nothing away", () => {
    const secret = "hunter2-hunter2";
    const other = Buffer.from(`robot$other:${secret}`).toString("base64");
    expect(withoutSecrets(other, secretForms({ username: "pusher", password: secret }))).toMatch(/\[secret\].{0,4}$/);
    const forms = secretForms({ username: "pusher", password: "pa\\u0073s%2Fword" });
    expect(withoutSecrets("it is pass%2Fword, or pa\\u0073s/word", forms)).toBe("it is [secret], or [secret]");
});

test("the beginning of a secret where a long text was cut is hidden", () => {
    const secret = "correct horse battery staple";
    const text = readable(`${"x".repeat(480)} ${secret} and more`);
    expect(text).toMatch(/ correct horse…$/);
    expect(withoutSecrets(text, secretForms({ username: "u", password: secret }))).toMatch(/ \[secret\]…$/);
});

test("text that is made to cost much is searched in time that grows with its length", async () => {
    const hostile = ["\\".repeat(50_000), "&#0".repeat(20_000), "%25".repeat(20_000), `${"a ".repeat(30_000)}b`];
    const secrets = ["\\\\\\\\\\\\x", "&&&&&&&&", "%%%%%%%%", "a".repeat(50)];
    const { milliseconds } = await withCpuTime(() => {
        for (const secret of secrets) for (const text of hostile) withoutSecrets(text, [secret]);
    });
    expect(milliseconds).toBeLessThan(20_000);
    expect(withoutSecrets("%25".repeat(8), ["%".repeat(8)])).toBe("[secret]");
});

test.each([
    ["begins within an escape of the URL", "GET /x%2Fabcdef", "Fabcdef", "GET /x%2[secret]"],
    ["begins with its digits", "GET /x%3A25secret", "3A25secret", "GET /x%[secret]"],
    ["ends within one", "GET /secret%2Fx", "secret%2", "GET /[secret]Fx"],
    ["has a slash that is escaped", "GET /secret%252Fword/x", "secret/word", "GET /[secret]/x"],
    ["has one as it is", "GET /secret%2Fword/x", "secret%2Fword", "GET /[secret]/x"],
    ["has a space that is a plus", "q=two+words", "two words", "q=[secret]"],
    ["is wrapped", "it is secret\n  word-1", "secretword-1", "it is [secret]"],
    ["is short, in another case", "password=ABC", "abc", "password=[secret]"],
])("a secret that %s is hidden in a text without other escapes", (_, text, secret, shown) => {
    expect(withoutSecrets(text, [secret])).toBe(shown);
});
