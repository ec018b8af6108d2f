import fc from "fast-check";
import type { Reference } from "../../../lib/oci/reference";

const word = fc.stringMatching(/^[a-z0-9]{1,6}$/);
const component = fc
    .tuple(word, fc.array(fc.tuple(fc.constantFrom(".", "_", "__", "-", "---"), word), { maxLength: 2 }))
    .map(([first, rest]) => first + rest.flat().join(""));

/** Canonical hosts, many of which differ from one another by the spelling of the port only. */
export const hosts = fc
    .tuple(
        fc.constantFrom("quay.io", "reg.test", "a-b.reg.test", "docker.io", "10.0.0.5"),
        fc.constantFrom("", ":5000", ":443", "-5000"),
    ) // prettier-ignore
    .map(([host, port]) => (port === "-5000" && host === "10.0.0.5" ? host : host + port));

const repositories = fc.array(component, { minLength: 1, maxLength: 4 }).map((parts) => parts.join("/"));
const tags = fc.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9._-]{0,127}$/);
const digests = fc.stringMatching(/^[0-9a-f]{64}$/).map((hex) => `sha256:${hex}`);

/** Canonical references: with a tag, a digest, or both. */
export const references: fc.Arbitrary<Reference> = fc
    .tuple(hosts, repositories, fc.option(tags, { nil: undefined }), fc.option(digests, { nil: undefined }))
    .filter(([, , tag, digest]) => tag !== undefined || digest !== undefined)
    .map(([registry, path, tag, digest]) => ({
        registry,
        repository: registry === "docker.io" && !path.includes("/") ? `library/${path}` : path,
        ...(tag === undefined ? {} : { tag }),
        ...(digest === undefined ? {} : { digest }),
    }));
