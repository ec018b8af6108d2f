import { firstWords, lastWords } from "../../../lib/errors/text";

test("a text is cut between words, so that no part of a secret is left", () => {
    expect(firstWords("invalid token secret-of-somebody", 20)).toBe("invalid token…");
    expect(firstWords("invalid token", 13)).toBe("invalid token");
    expect(firstWords("invalid token x", 14)).toBe("invalid token…");
    expect(lastWords("secret-of-somebody is expired", 20)).toBe("… is expired");
    expect(lastWords("is expired", 10)).toBe("is expired");
    expect(firstWords("x".repeat(30), 20)).toBe("…");
    expect(lastWords("x".repeat(30), 20)).toBe("…");
});
