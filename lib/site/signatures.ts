import { DEFAULT_IDENTITY, type SignaturePolicy, type SignedIdentity, checkedPublicKey } from "../signatures";
import type { ConfigIssue } from "./config-issue";
import { collectIssue } from "./issues";
import type { SignaturesDocument } from "./signature-keys";

type PolicyDocument = SignaturesDocument[string];

const LABEL = "(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])";
const HOST = `(?:${LABEL}(?:\\.${LABEL})+|localhost)(?::[0-9]+)?`;
const PATH = "(?:/[a-z0-9]+(?:(?:[._]|__|-*)[a-z0-9]+)*)*";
/** The patterns of ClusterImagePolicy (openshift/api, config/v1/types_image_policy.go): ImageScope, IdentityRepositoryPrefix. */
const SCOPE = new RegExp(`^${HOST}${PATH}(?::[\\w][\\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?$`);
const WILDCARD = new RegExp(`^\\*(?:\\.${LABEL})+$`);
const REPOSITORY = new RegExp(`^${HOST}${PATH}$`);

/**
 * The policies of a site.
 * @param read gives the text of a file, named from the project's root
 */
export function readSignaturePolicies(
    documents: SignaturesDocument | undefined,
    read: (path: string) => string,
    issues: ConfigIssue[],
): SignaturePolicy[] {
    return Object.entries(documents ?? {}).flatMap(([name, document]) => {
        const key = `site.signatures.${name}`;
        issues.push(...scopeIssues(key, document));
        const publicKey = readKey(`${key}.policy.rootOfTrust`, document, read, issues);
        const signedIdentity = readIdentity(`${key}.policy.signedIdentity`, document, issues);
        if (publicKey === undefined || signedIdentity === undefined) return [];
        const refuses = document.beforePush === "refuse" ? { beforePush: document.beforePush } : {};
        const policy = { name, scopes: [...new Set(document.scopes)], publicKey, signedIdentity, ...refuses };
        if (document.namespaces === undefined) return [policy];
        return [...new Set(document.namespaces)].map((namespace) => ({
            ...policy,
            name: `${namespace}/${name}`,
            namespace,
        }));
    });
}

function scopeIssues(key: string, { scopes }: PolicyDocument): ConfigIssue[] {
    return scopes.flatMap((scope, at) => {
        if (SCOPE.test(scope) || WILDCARD.test(scope)) return [];
        const problem = `${JSON.stringify(scope)} is no scope that a ClusterImagePolicy may have`;
        const fix = "write a host with a dot, host/path, host/path:tag, host/path@sha256:… or *.<domain>";
        return [{ key: `${key}.scopes[${at}]`, problem, fix }];
    });
}

function readKey(
    key: string,
    { policy }: PolicyDocument,
    read: (path: string) => string,
    issues: ConfigIssue[],
): string | undefined {
    const { policyType, publicKey } = policy.rootOfTrust;
    if (policyType !== "PublicKey") {
        const problem = `this program does not verify signatures of ${policyType}, so it could not say what nodes refuse`;
        const fix =
            "write a policy with a public key, or create this ClusterImagePolicy yourself and leave it out here";
        issues.push({ key: `${key}.policyType`, problem, fix });
        return undefined;
    }
    const { keyFile, keyData } = publicKey ?? {};
    if ((keyFile === undefined) === (keyData === undefined)) {
        const problem = keyFile === undefined ? "it has no key" : "keyFile and keyData are both set";
        issues.push({ key: `${key}.publicKey`, problem, fix: "set one of them: keyFile, or keyData" });
        return undefined;
    }
    if (keyFile !== undefined) {
        return collectIssue(`${key}.publicKey.keyFile`, issues, () => checkedPublicKey(read(keyFile)));
    }
    const pem = Buffer.from(keyData ?? "", "base64").toString("latin1");
    return collectIssue(`${key}.publicKey.keyData`, issues, () => checkedPublicKey(pem));
}

function readIdentity(key: string, { policy }: PolicyDocument, issues: ConfigIssue[]): SignedIdentity | undefined {
    const { matchPolicy, exactRepository, remapIdentity } = policy.signedIdentity ?? DEFAULT_IDENTITY_DOCUMENT;
    const before = issues.length;
    const takes = { exactRepository: "ExactRepository", remapIdentity: "RemapIdentity" } as const;
    for (const [field, value] of Object.entries({ exactRepository, remapIdentity })) {
        const owner = takes[field as keyof typeof takes];
        if ((value !== undefined) === (matchPolicy === owner)) continue;
        const problem = value === undefined ? `${owner} needs it` : `${matchPolicy} does not have it`;
        const fix = value === undefined ? "set it" : `leave it out, or write matchPolicy: ${owner}`;
        issues.push({ key: `${key}.${field}`, problem, fix });
    }
    for (const [field, value] of [
        ["exactRepository.repository", exactRepository?.repository],
        ["remapIdentity.prefix", remapIdentity?.prefix],
        ["remapIdentity.signedPrefix", remapIdentity?.signedPrefix],
    ] as const) {
        if (value === undefined || REPOSITORY.test(value)) continue;
        const problem = `${JSON.stringify(value)} is no host with a dot, with or without a path`;
        issues.push({ key: `${key}.${field}`, problem, fix: "write it without tag and digest, as in quay.io/team1" });
    }
    if (issues.length > before) return undefined;
    if (matchPolicy === "ExactRepository" && exactRepository !== undefined) return { matchPolicy, exactRepository };
    if (matchPolicy === "RemapIdentity" && remapIdentity !== undefined) return { matchPolicy, remapIdentity };
    return matchPolicy === "MatchRepository" ? { matchPolicy } : DEFAULT_IDENTITY;
}

const DEFAULT_IDENTITY_DOCUMENT: NonNullable<PolicyDocument["policy"]["signedIdentity"]> = {
    matchPolicy: "MatchRepoDigestOrExact",
};
