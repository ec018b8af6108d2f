import fc from "fast-check";
import { PassthroughError } from "../../../lib/errors/errors";
import {
    type Reference,
    canonicalRegistry,
    formatReference,
    parseReference,
    parseSourceKey,
    repositoryName,
    sourceKey,
} from "../../../lib/oci/reference";
import { references } from "./reference-arbitraries";

const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;

function refusal(text: string): PassthroughError {
    try {
        parseReference(text);
    } catch (error) {
        if (error instanceof PassthroughError) return error;
    }
    throw new Error(`${text} was not refused`);
}

describe("parseReference", () => {
    test.each([
        ["nginx", "docker.io/library/nginx:latest"],
        ["nginx:1.27", "docker.io/library/nginx:1.27"],
        ["docker.io/nginx", "docker.io/library/nginx:latest"],
        ["index.docker.io/nginx", "docker.io/library/nginx:latest"],
        ["Docker.IO/library/nginx", "docker.io/library/nginx:latest"],
        ["bitnami/redis:7", "docker.io/bitnami/redis:7"],
        ["registry-1.docker.io/library/nginx", "registry-1.docker.io/library/nginx:latest"],
        ["registry-1.docker.io/nginx", "registry-1.docker.io/nginx:latest"],
        ["localhost/app", "localhost/app:latest"],
        ["localhost:5000", "docker.io/library/localhost:5000"],
        ["localhost:5000/app", "localhost:5000/app:latest"],
        ["host:5000/a/b:c", "host:5000/a/b:c"],
        ["QUAY.io/org/app:V1", "quay.io/org/app:V1"],
        ["10.0.0.5:8443/a", "10.0.0.5:8443/a:latest"],
        ["[FD00::1]:5000/a/b", "[fd00::1]:5000/a/b:latest"],
        ["[::1]/a:1", "[::1]/a:1"],
        [`quay.io/org/app@${DIGEST}`, `quay.io/org/app@${DIGEST}`],
        [`quay.io/org/app:1@${DIGEST}`, `quay.io/org/app:1@${DIGEST}`],
        [`nginx@${DIGEST}`, `docker.io/library/nginx@${DIGEST}`],
        ["quay.io/a__b/c---d.e_f", "quay.io/a__b/c---d.e_f:latest"],
    ])("reads %s as %s", (text, canonical) => {
        expect(formatReference(parseReference(text))).toBe(canonical);
    });

    test("keeps tag and digest apart from each other", () => {
        expect(parseReference(`quay.io/org/app:1.2@${DIGEST}`)).toEqual({
            registry: "quay.io",
            repository: "org/app",
            tag: "1.2",
            digest: DIGEST,
        });
    });

    test.each([
        ["", "it is empty"],
        ["https://quay.io/org/app", "leave out https://"],
        ["docker://quay.io/org/app", "leave out docker://"],
        ["quay.io/Acme/app", "write acme/app"],
        ["nginX", "upper-case"],
        ["Team/app", "Team:443".toLowerCase()],
        ["quay.io/org/app ", "white space"],
        ["quay.io/", "not a repository name"],
        ["quay.io//app", "not a repository name"],
        ["quay.io/org/app/", "not a repository name"],
        ["quay.io/-app", "not a repository name"],
        ["quay.io/a___b", "not a repository name"],
        ["my_host.test/app", "not a host"],
        ["host:99999/app", "not a host"],
        ["-a.test/app", "not a host"],
        ["quay.io/org/app:", "not a tag"],
        ["quay.io/org/app:-x", "not a tag"],
        [`quay.io/org/app:${"x".repeat(129)}`, "1 to 128"],
        ["quay.io/org/app@sha256:abc", "64 lower-case hex digits"],
        [`quay.io/org/app@${DIGEST.toUpperCase()}`, "not a sha256 digest"],
        [`quay.io/org/app@sha512:${"a".repeat(128)}`, "not a sha256 digest"],
        [`quay.io/org/app@${DIGEST}@${DIGEST}`, "not a sha256 digest"],
        ["a".repeat(64), "image id"],
        [`quay.io/${"a".repeat(256)}`, "256 characters"],
    ])("refuses %j and says how to write it", (text, expected) => {
        const error = refusal(text);
        expect(error.code).toBe("REFERENCE_INVALID");
        expect(error.message).toContain(JSON.stringify(text));
        expect(error.message).toContain(expected);
        expect(error.fix).toBeTruthy();
    });

    test.each([
        ["qu\u0430y.io/org/app", "U+0430", String.raw`"qu\u0430y.io" is not a host`],
        ["\u212Aube.example/app", "U+212A", String.raw`"\u212aube.example" is not a host`],
        ["quay.io\u2024/org/app", "U+2024", String.raw`image reference "quay.io\u2024/org/app"`],
        ["\u{1d5ca}uay.io/org/app", "U+1D5CA", String.raw`"\ud835\uddcauay.io" is not a host`],
    ])("refuses %s, whose host only looks like another one, and names the character", (text, point, shown) => {
        const { message, fix } = refusal(text);
        expect(message).toContain(`${shown}`);
        expect(message).toMatch(/^[ -~…]*$/);
        expect(message).toContain(`it has the character ${point}`);
        expect(fix).toBe(`write it in ASCII, or as punycode (xn--…) if ${point} is meant`);
    });

    test("shows the letters of other alphabets in a repository and a tag escaped", () => {
        expect(refusal("quay.io/org/\u0430pp").message).toMatch(/^[ -~]*\\u0430pp/);
        expect(refusal("quay.io/org/app:1\u0430").message).toContain(String.raw`"1\u0430" is not a tag`);
    });

    test("takes a repository of 255 characters and a tag of 128", () => {
        const text = `quay.io/${"a".repeat(255)}:${"x".repeat(128)}`;
        expect(formatReference(parseReference(text))).toBe(text);
    });

    test("gives back what was formatted", () => {
        fc.assert(fc.property(references, (r) => expect(parseReference(formatReference(r))).toEqual(r)));
    });

    test("is idempotent on whatever text it accepts", () => {
        const words = fc.constantFrom("a", "B", "quay.io", "localhost", "docker.io", "index.docker.io", ":5000", ":", "/", "-", ".", "_", "[::1]", `@${DIGEST}`, "library"); // prettier-ignore
        const texts = fc.array(words, { maxLength: 7 }).map((parts) => parts.join(""));
        fc.assert(
            fc.property(texts, (text) => {
                let first: Reference;
                try {
                    first = parseReference(text);
                } catch (error) {
                    expect(error).toMatchObject({ code: "REFERENCE_INVALID" });
                    return;
                }
                expect(parseReference(formatReference(first))).toEqual(first);
            }),
            { numRuns: 2000 },
        );
    });

    test("ignores the case of the host alone", () => {
        fc.assert(
            fc.property(references, (r) => {
                const loud = formatReference({ ...r, registry: r.registry.toUpperCase() });
                expect(parseReference(loud)).toEqual(r);
            }),
        );
    });
});

describe("sourceKey", () => {
    test("drops the digest beside a tag and keeps it without one", () => {
        expect(sourceKey(parseReference(`quay.io/a/b:1@${DIGEST}`))).toBe("quay.io/a/b:1");
        expect(sourceKey(parseReference(`quay.io/a/b@${DIGEST}`))).toBe(`quay.io/a/b@${DIGEST}`);
        expect(sourceKey(parseReference("nginx"))).toBe("docker.io/library/nginx:latest");
    });

    test("is read back by parseSourceKey", () => {
        fc.assert(
            fc.property(references, (r) => {
                const back = parseSourceKey(sourceKey(r));
                expect(sourceKey(back)).toBe(sourceKey(r));
                expect(repositoryName(back)).toBe(repositoryName(r));
            }),
        );
    });

    test.each([
        ["nginx:1", "docker.io/library/nginx:1"],
        ["quay.io/a/b", "quay.io/a/b:latest"],
        [`quay.io/a/b:1@${DIGEST}`, "quay.io/a/b:1"],
        ["Quay.io/a/b:1", "quay.io/a/b:1"],
    ])("is not what %s is, which parseSourceKey corrects to %s", (key, canonical) => {
        expect(() => parseSourceKey(key)).toThrow(`write ${canonical}`);
    });
});

describe("canonicalRegistry", () => {
    test.each([
        ["Quay.IO:443", "quay.io:443"],
        ["index.docker.io", "docker.io"],
        ["localhost", "localhost"],
        ["quay", undefined],
        ["quay.io/", undefined],
        ["a..b", undefined],
        ["quay.io:", undefined],
    ])("spells %s as %s", (text, expected) => {
        expect(canonicalRegistry(text)).toBe(expected);
    });
});
