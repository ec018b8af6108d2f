import type { Digest } from "../../lib/oci/digest";
import { digestHex } from "../../lib/oci/digest";
import { registriesConf } from "../../lib/openshift/rules/registries-conf";
import { formatRegistriesConf } from "../../lib/openshift/rules/registries-toml";
import { type SignaturePolicy, formatSignatureRules } from "../../lib/signatures";
import { mirrorPair } from "./lab-rules";
import { SIGNED_ACCOUNT, type SignedRegistry, cosignPayload, signatureLayer } from "./signed-registry";
import type { SigningKey } from "./signing-key";

/** The namespace whose images must be signed. */
export const TEAM = "quay.io/team1";

/** A policy on the images of `TEAM`, as cosign signs by default. */
export function teamPolicy({ publicKey }: Pick<SigningKey, "publicKey">, name = "team1"): SignaturePolicy {
    return { name, scopes: [TEAM], publicKey, signedIdentity: { matchPolicy: "MatchRepository" } };
}

/** Signs an image of the mirror as cosign does: under its upstream name. */
export async function signImage(
    registry: SignedRegistry,
    key: SigningKey,
    name: string,
    digest: Digest,
): Promise<void> {
    const layers = [signatureLayer(key, cosignPayload(digest, name))];
    await registry.signatures(`mirror/${name}`, `sha256-${digestHex(digest)}.sig`, layers);
}

/** Inputs of resources that look up images in the mirror, with the puller's account. */
export function pullInputs({ registry: { host }, ca }: SignedRegistry, images: Record<string, Digest>) {
    const mirrorBase = `${host}/mirror`;
    const rules = mirrorPair([...new Set(Object.keys(images).map(namespaceOf))], "AllowContactingSource", mirrorBase);
    return {
        registry: { type: "distribution" as const, mirrorBase, ca, retrySeconds: 1 },
        credentials: SIGNED_ACCOUNT,
        account: "puller" as const,
        images,
        registriesConf: formatRegistriesConf(registriesConf(rules, "4.20.3")),
    };
}

export function signatureInput(...policies: readonly SignaturePolicy[]): string {
    return formatSignatureRules({ policies, local: [] });
}

function namespaceOf(source: string): string {
    return source.split("/").slice(0, 2).join("/");
}
