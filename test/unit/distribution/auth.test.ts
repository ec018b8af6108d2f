import { basicAuthorization } from "../../../lib/http/credentials";
import { parseChallenges } from "../../../lib/distribution/auth/challenge";
import { readToken } from "../../../lib/distribution/auth/bearer-token";
import { secretForms, withoutSecrets } from "../../../lib/redaction/redaction";
import { withCpuTime } from "../../support/cpu-time";

const NOW = Date.parse("2026-01-01T00:00:00Z");

test.each([
    ["no header", undefined, []],
    ["an empty header", "", []],
    ["garbage", '="", ,,=', []],
    ["a scheme alone", "Basic", [{ scheme: "basic", parameters: {} }]],
    [
        "any case, and white space around the equals sign",
        'BEARER Realm = "https://auth.example/token" , SERVICE=registry',
        [{ scheme: "bearer", parameters: { realm: "https://auth.example/token", service: "registry" } }],
    ],
    [
        "commas, schemes and quotes within quotes",
        'Bearer realm="https://a.example/t?x=1, Basic realm=y",service="the \\"one\\""',
        [
            {
                scheme: "bearer",
                parameters: { realm: "https://a.example/t?x=1, Basic realm=y", service: 'the "one"' },
            },
        ],
    ],
    [
        "two challenges in one header",
        'Negotiate, Bearer realm="https://a.example/t",error="invalid_token", Basic realm="r"',
        [
            { scheme: "negotiate", parameters: {} },
            { scheme: "bearer", parameters: { realm: "https://a.example/t", error: "invalid_token" } },
            { scheme: "basic", parameters: { realm: "r" } },
        ],
    ],
    [
        "one challenge in each of several headers",
        ['Basic realm="r"', 'Bearer realm="https://a.example/t"'],
        [
            { scheme: "basic", parameters: { realm: "r" } },
            { scheme: "bearer", parameters: { realm: "https://a.example/t" } },
        ],
    ],
])("a challenge with %s is read", (_, header, expected) => {
    expect(parseChallenges(header)).toEqual(expected);
});

test.each([
    ["quotes without an end", `Bearer realm="${'\\"'.repeat(120_000)}`, 1],
    ["a quote alone", 'Bearer realm="', 1],
    ["a thousand challenges", Array.from({ length: 1000 }, (_, i) => `Bearer realm="https://x/${i}"`), 1000],
])("a header with %s costs no time", async (_, header, count) => {
    const { result, milliseconds } = await withCpuTime(() => parseChallenges(header));
    expect(result).toHaveLength(count);
    expect(milliseconds).toBeLessThan(2000);
});

test("Basic carries a password in UTF-8, colons and all", () => {
    expect(basicAuthorization({ username: "robot$a", password: "pä:ss" })).toBe(
        `Basic ${Buffer.from("robot$a:pä:ss", "utf8").toString("base64")}`,
    );
});

test.each([
    ["token", { token: "t", access_token: "a", expires_in: 300 }, { token: "t", givenAt: NOW, renewAt: NOW + 270_000 }],
    ["access_token alone", { access_token: "a", expires_in: 100 }, { token: "a", givenAt: NOW, renewAt: NOW + 90_000 }],
    [
        "an empty access_token",
        { token: "t", access_token: "", expires_in: 100 },
        { token: "t", givenAt: NOW, renewAt: NOW + 90_000 },
    ],
    [
        "an empty token",
        { token: "", access_token: "a", expires_in: 100 },
        { token: "a", givenAt: NOW, renewAt: NOW + 90_000 },
    ],
    ["no lifetime: a minute", { token: "t" }, { token: "t", givenAt: NOW, renewAt: NOW + 54_000 }],
    [
        "a senseless lifetime: a minute",
        { token: "t", expires_in: -1 },
        { token: "t", givenAt: NOW, renewAt: NOW + 54_000 },
    ],
    ["neither", { expires_in: 300 }, undefined],
    ["two empty ones", { token: "", access_token: "" }, undefined],
    ["something that is no text", { token: 7 }, undefined],
    ["no object", "t", undefined],
])("a token endpoint's answer with %s is understood", (_, answer, expected) => {
    expect(readToken(answer, NOW)).toEqual(expected);
});

const HEX = "4dd0ccab44cd".padEnd(64, "0");

test.each([
    ["a password", "wrong password hunter2!", ["hunter2!"], "wrong password [secret]"],
    ["nothing for an empty secret", "as it was", [""], "as it was"],
    [
        "a short password, but no digest that it is a part of",
        `0000 at sha256:${HEX}`,
        ["0000"],
        `[secret] at sha256:${HEX}`,
    ],
    ["a password that is a digest's hex", `it is ${HEX}`, [HEX], "it is [secret]"],
    ["a password that ends in a digest", `it is x-${HEX}`, [`x-${HEX}`], "it is [secret]"],
])("hides %s", (_, text, secrets, shown) => {
    expect(withoutSecrets(text, secrets)).toBe(shown);
});

test("a password of a few letters is hidden where it stands as one: texts stay whole, and name it by nothing that is missing", () => {
    const hidden = (text: string, password = "s") =>
        withoutSecrets(text, secretForms({ username: "pusher", password }));
    const told = "GET localhost:5000/v2/: the registry refuses the account pusher; passwords are set with config set";
    expect(hidden(told)).toBe(told);
    expect(hidden("wrong: pusher:s")).toBe("wrong: [secret]");
    expect(hidden('{"password": "s", "user": "pusher"}')).toBe('{"password": "[secret]", "user": "pusher"}');
    expect(hidden("password=s&user=pusher; Password s is wrong; 's'")).toBe(
        "password=[secret]&user=pusher; Password [secret] is wrong; '[secret]'",
    );
    expect(hidden(`Basic ${Buffer.from("pusher:s").toString("base64")}`)).toBe("Basic [secret]");
    expect(hidden("password: .*", ".*")).toBe("password: [secret]");
    expect(hidden("four letters hide: mirr/or", "mirr")).toBe("four letters hide: [secret]/or");
});

test.each([
    [
        "that another one begins with",
        "it is mirror-R3ad0nly, not mirror",
        ["mirror", "mirror-R3ad0nly"],
        "it is [secret], not [secret]",
    ],
    ["that overlap", "it is abcdef", ["abcd", "cdef"], "it is [secret]"],
    [
        "that are the word of the marker",
        "pass-1234 and secret, [secret]",
        ["pass-1234", "secret"],
        "[secret] and [secret], [secret]",
    ],
])("hides secrets %s", (_, text, secrets, shown) => {
    expect(withoutSecrets(text, secrets)).toBe(shown);
    expect(withoutSecrets(text, [...secrets].reverse())).toBe(shown);
});

test("an account is hidden as headers, forms, JSON and one line show it, whatever its password is made of", () => {
    const password = 'a "b"\n~ü?>';
    const pair = Buffer.from(`pusher:${password}`);
    const forms = [
        password,
        'a "b" ~ü?>',
        'a \\"b\\"\\n~ü?>',
        "a+%22b%22%0A%7E%C3%BC%3F%3E",
        "a%20%22b%22%0A~%C3%BC%3F%3E",
        pair.toString("base64"),
        pair.toString("base64url"),
        Buffer.from(password).toString("base64"),
    ];
    for (const form of forms) {
        expect(withoutSecrets(`it is ${form}, no?`, secretForms({ username: "pusher", password }))).toBe(
            "it is [secret], no?",
        );
    }
    const broken = "pass\ud800word";
    expect(withoutSecrets(`it is ${broken}`, secretForms({ username: "u", password: broken }))).toBe("it is [secret]");
});

test("long texts are searched once: of many digests that are full of the password, and of blanks", () => {
    const digests = Array.from({ length: 10_000 }, () => "abcd".repeat(16)).join(" ");
    expect(withoutSecrets(`${digests} abcd`, ["abcd"])).toBe(`${digests} [secret]`);
    const blanks = " ".repeat(64_000);
    expect(withoutSecrets(`${blanks}password: s`, ["s"])).toBe(`${blanks}password: [secret]`);
});
