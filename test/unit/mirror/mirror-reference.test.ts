import fc from "fast-check";
import {
    formatMirrorBase,
    intendedMirrorBase,
    mirrorConflicts,
    mirrorReference,
    mirrorRepository,
    mirrorSourceLocation,
    isSameMirrorBase,
    parseMirrorBase,
    protectingTag,
} from "../../../lib/mirror/mirror-reference";
import { toProblem } from "../../../lib/errors/errors";
import { formatReference, parseReference, repositoryName } from "../../../lib/oci/reference";
import { hosts, references } from "../oci/reference-arbitraries";

const BASE = parseMirrorBase("registry.site-a.local:8443/mirror");
/** Of `host[:port]/name` (distribution-spec, "Pulling manifests"). */
const MAX_NAME_LENGTH = 255;
const DIGEST = `sha256:${"0123456789abcdef".repeat(4)}`;
/** The grammar of distribution-spec, "Pulling manifests", as it is printed there. */
const SPEC_NAME = /^[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(\/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*$/;

const mirrored = (text: string): string => formatReference(mirrorReference(BASE, parseReference(text)));

describe("parseMirrorBase", () => {
    test.each([
        ["registry.site-a.local:8443/mirror", "registry.site-a.local:8443", "mirror"],
        ["Registry.Site-A.local/mirror/deep", "registry.site-a.local", "mirror/deep"],
        ["mirror.jfrog.site-a.local", "mirror.jfrog.site-a.local", ""],
        ["localhost:5000", "localhost:5000", ""],
        ["localhost/mirror", "localhost", "mirror"],
        ["LOCALHOST:5000/mirror", "localhost:5000", "mirror"],
        ["10.0.0.5:8443/mirror", "10.0.0.5:8443", "mirror"],
    ])("splits %s", (text, host, prefix) => {
        expect(parseMirrorBase(text)).toEqual({ host, prefix });
        expect(formatMirrorBase(parseMirrorBase(text))).toBe(text.toLowerCase());
    });

    test.each([
        ["https://reg.test/mirror", "write reg.test/mirror"],
        ["reg.test/mirror/", "write reg.test/mirror"],
        ["reg.test/Mirror", "write reg.test/mirror"],
        ["reg.test/mirror:1", "without tag"],
        ["reg.test//mirror", "not a path"],
        ["registry/mirror", "registry:443"],
        ["[::1]:5000/mirror", "DNS name"],
        ["my_reg.test/mirror", "not a host"],
        ["reg.test:0/mirror", "port 0"],
        ["reg.test:00", "port 0"],
        ["reg.test:65536/mirror", "no port 65536"],
        ["reg.test:/mirror", "no port follows the colon"],
        [" reg.test/mirror", "write reg.test/mirror"],
        ["reg.test./mirror", "not a host"],
        ["127.0.0.01:5000/mirror", "write 127.0.0.1"],
        ["10.1.5/mirror", "is read as the address 10.1.0.5"],
        ["0x7f.1:5000/mirror", "write 127.0.0.1"],
        ["10.0.0.256/mirror", "neither a DNS name nor an address"],
        ["", "not a host"],
    ])("refuses %j and says how to write it", (text, expected) => {
        expect(() => parseMirrorBase(text)).toThrow(expect.objectContaining({ code: "MIRROR_BASE_INVALID" }));
        expect(() => parseMirrorBase(text)).toThrow(expected);
    });

    test("tells everything that is wrong at once, with one way to write it", () => {
        expect(problemOf("https://Reg.test:0/Mirror/ ")).toEqual([
            'mirror base "https://Reg.test:0/Mirror/ "',
            "it has white space at an end, and it has a scheme, and it ends with a slash, and its path has upper-case " +
                "letters, which no registry accepts, and no registry listens on port 0",
            "write Reg.test:0/mirror, and write the port that clients connect to",
        ]);
        expect(problemOf("http://my_reg.test:70000/a:1")[1]).toBe(
            'it has a scheme, and there is no port 70000, and "my_reg.test" is not a host, and "a:1" is not a path that a registry accepts',
        );
    });

    test("never shows an account that was written into it", () => {
        for (const text of ["https://user:canary@reg.test/mirror", "user:canary@reg.test/mirror", "user:canary@"]) {
            const [thing, what, fix] = problemOf(text);
            expect(what).toContain("it has an account");
            expect(fix).toContain("registryUsername and registryPassword");
            expect(`${thing ?? ""} ${what ?? ""} ${fix ?? ""}`).not.toContain("canary");
        }
    });

    test("what is meant by one with mistakes is known where it can only be meant in one way", () => {
        expect(intendedMirrorBase("https://reg.test/Mirror/")).toEqual({ host: "reg.test", prefix: "mirror" });
        expect(intendedMirrorBase("https://my_reg.test/mirror")).toBeUndefined();
    });
});

function problemOf(text: string): (string | undefined)[] {
    try {
        parseMirrorBase(text);
        return [];
    } catch (error) {
        const { thing, problem, fix } = toProblem(error);
        return [thing, problem, fix];
    }
}

test.each([
    ["LOCALHOST:5000/mirror", "localhost:5000/mirror", true],
    ["reg.test/mirror", "Reg.Test/mirror", true],
    ["reg.test/mirror", "reg.test:443/mirror", false],
    ["reg.test/mirror", "reg.test/other", false],
    ["neither", "Neither", false],
])("%s and %s are one place: %s", (one, other, expected) => {
    expect(isSameMirrorBase(one, other)).toBe(expected);
});

describe("the path of an upstream host", () => {
    test.each([
        ["quay.io", "quay.io"],
        ["Registry.Redhat.IO", "registry.redhat.io"],
        ["up.example.com:5000", "up.example.com-5000"],
        ["index.docker.io", "docker.io"],
        ["registry-1.docker.io", "registry-1.docker.io"],
    ])("spells %s as %s", (host, segment) => {
        expect(mirrorSourceLocation(BASE, host)).toBe(`${formatMirrorBase(BASE)}/${segment}`);
    });

    test.each(["[::1]:5000", "[fd00::1]", "quay", "quay.io/org", "my_host.test"])("refuses %s with a cure", (host) => {
        expect(() => mirrorSourceLocation(BASE, host)).toThrow(
            expect.objectContaining({ code: "MIRROR_HOST_INVALID", fix: expect.stringMatching(/name/) }),
        );
    });
});

describe("mirrorReference", () => {
    test.each([
        ["quay.io/org/app:1.2", "registry.site-a.local:8443/mirror/quay.io/org/app:1.2"],
        [`quay.io/org/app@${DIGEST}`, `registry.site-a.local:8443/mirror/quay.io/org/app@${DIGEST}`],
        [`quay.io/org/app:1@${DIGEST}`, `registry.site-a.local:8443/mirror/quay.io/org/app:1@${DIGEST}`],
        ["up.example.com:5000/x:V1", "registry.site-a.local:8443/mirror/up.example.com-5000/x:V1"],
    ])("maps %s to %s", (source, mirror) => {
        expect(mirrored(source)).toBe(mirror);
    });

    test("maps every spelling of an image on docker.io to one place", () => {
        const spellings = ["nginx", "docker.io/nginx", "index.docker.io/nginx", "DOCKER.IO/library/nginx:latest"];
        expect(new Set(spellings.map(mirrored))).toEqual(
            new Set(["registry.site-a.local:8443/mirror/docker.io/library/nginx:latest"]),
        );
    });

    test("needs no prefix in the base", () => {
        const base = parseMirrorBase("mirror.jfrog.test");
        expect(formatReference(mirrorReference(base, parseReference("quay.io/a/b:1")))).toBe(
            "mirror.jfrog.test/quay.io/a/b:1",
        );
    });

    test("names source, result and limit where a name gets too long", () => {
        const fits = MAX_NAME_LENGTH - "registry.site-a.local:8443/mirror/quay.io/".length;
        expect(mirrored(`quay.io/${"a".repeat(fits)}:1`)).toHaveLength(MAX_NAME_LENGTH + 2);
        const source = `quay.io/${"a".repeat(fits + 3)}:1`;
        expect(() => mirrored(source)).toThrow(expect.objectContaining({ code: "MIRROR_NAME_TOO_LONG" }));
        expect(() => mirrored(source)).toThrow(
            new RegExp(
                `image ${source}: .*registry.site-a.local:8443/mirror/quay.io/a+:1, .*258 characters, at most 255`,
            ),
        );
        expect(() => mirrored(source)).toThrow("by 3 characters");
    });

    test.each([
        ["a tag of 129 characters", { registry: "quay.io", repository: "a", tag: "x".repeat(129) }],
        ["upper case", { registry: "quay.io", repository: "Acme/app", tag: "1" }],
        ["an empty path", { registry: "quay.io", repository: "", tag: "1" }],
    ])("refuses a hand-made source with %s", (_name, source) => {
        expect(() => mirrorReference(BASE, source)).toThrow(expect.objectContaining({ code: "MIRROR_NAME_INVALID" }));
    });

    test("always gives a name of the distribution grammar, tag and digest unchanged", () => {
        fc.assert(
            fc.property(references, (source) => {
                const mirror = mirrorReference(BASE, source);
                expect(mirror.repository).toMatch(SPEC_NAME);
                expect(repositoryName(mirror).length).toBeLessThanOrEqual(MAX_NAME_LENGTH);
                expect([mirror.tag, mirror.digest]).toEqual([source.tag, source.digest]);
                expect(parseReference(formatReference(mirror))).toEqual(mirror);
            }),
        );
    });

    test("lies below what the rule of its host points at, and where mirrorRepository says", () => {
        fc.assert(
            fc.property(references, (source) => {
                const mirror = mirrorReference(BASE, source);
                expect(repositoryName(mirror)).toBe(
                    `${mirrorSourceLocation(BASE, source.registry)}/${source.repository}`,
                );
                expect(mirrorRepository(BASE, repositoryName(source))).toBe(mirror.repository);
            }),
        );
    });

    test("never maps two repositories alike, and two hosts only where mirrorConflicts reports it", () => {
        fc.assert(
            fc.property(references, references, hosts, (a, b, host) => {
                const moved = { ...a, registry: host };
                const place = (source: typeof a): string => repositoryName(mirrorReference(BASE, source));
                if (a.repository !== b.repository) expect(place(a)).not.toBe(place(b));
                const isConflict = mirrorConflicts(BASE, [a, moved]).length === 1;
                expect(place(a) === place(moved)).toBe(a.registry === host || isConflict);
            }),
            { numRuns: 1000 },
        );
    });
});

describe("mirrorRepository", () => {
    test("wants the host in the source repository", () => {
        expect(() => mirrorRepository(BASE, "nginx")).toThrow("names no host");
        expect(() => mirrorRepository(BASE, "library/nginx")).toThrow(/"library": not a host/);
    });
});

describe("mirrorConflicts", () => {
    const conflicts = (...texts: string[]) => mirrorConflicts(BASE, texts.map(parseReference));

    test("reports hosts that differ by the spelling of the port only, though their repositories differ", () => {
        expect(conflicts("reg.test-5000/b:1", "reg.test:5000/a:1", "quay.io/a:1")).toEqual([
            {
                location: "registry.site-a.local:8443/mirror/reg.test-5000",
                hosts: ["reg.test-5000", "reg.test:5000"],
                repositories: ["reg.test-5000/b", "reg.test:5000/a"],
            },
        ]);
    });

    test("has nothing to say about one host, however often it is named", () => {
        expect(conflicts("quay.io/a:1", "QUAY.io/a:2", "quay.io/b:1", "nginx", "index.docker.io/nginx")).toEqual([]);
        expect(
            mirrorConflicts(BASE, [{ registry: "index.docker.io", repository: "a/b" }, parseReference("a/b")]),
        ).toEqual([]);
    });
});

test("protectingTag is a legal tag made of the whole digest", () => {
    expect(protectingTag(DIGEST)).toBe(`digest-${"0123456789abcdef".repeat(4)}`);
});
