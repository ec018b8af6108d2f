import { readFileSync } from "node:fs";
import { join } from "node:path";
import { stringify } from "smol-toml";
import { type MirrorObject, type RegistriesConf, parseRegistriesConf, resolvePull } from "../../../lib/openshift";
import { registriesConf } from "../../../lib/openshift/rules/registries-conf";
import { parseReference } from "../../../lib/oci/reference";

interface GeneratedCase {
    readonly objects: readonly MirrorObject[];
    readonly registriesConf: object;
    /** Reference -> the places that the runtime would ask, in their order; `!` before a blocked one; "error" alone. */
    readonly pulls: Readonly<Record<string, readonly string[]>>;
}

/**
 * Random objects with what the real parts make of them: the registries.conf of openshift/runtime-utils
 * (v0.0.0-20230921210328-7bdb5b9c177b, EditRegistriesConfig) and the pull sources of containers/image
 * (v5.22.0, pkg/sysregistriesv2).
 */
const CASES = JSON.parse(
    readFileSync(join(__dirname, "../../fixtures/openshift/generated-rules.json"), "utf8"),
) as GeneratedCase[];

function attempts(conf: RegistriesConf, reference: string): readonly string[] {
    const { attempts: asked, refused, failure } = resolvePull(conf, parseReference(reference));
    if (failure !== undefined) return ["error"];
    return [...asked.map((attempt) => attempt.reference), ...refused.map((attempt) => `!${attempt.reference}`)];
}

test.each(CASES.map((one, index) => [index, one] as const))("generated case %i renders as nodes get it", (_, one) => {
    const theirs = parseRegistriesConf(stringify(one.registriesConf), "generated");
    expect(registriesConf(one.objects)).toEqual(theirs);
});

test.each(CASES.map((one, index) => [index, one] as const))("generated case %i pulls as nodes do", (_, one) => {
    const conf = registriesConf(one.objects);
    for (const [reference, places] of Object.entries(one.pulls)) {
        const isBlocked = (place: string) => place.startsWith("!");
        const inOrder = [...places.filter((place) => !isBlocked(place)), ...places.filter(isBlocked)];
        expect([reference, attempts(conf, reference)]).toEqual([reference, inOrder]);
    }
});
