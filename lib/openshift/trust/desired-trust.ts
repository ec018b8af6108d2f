import { createHash } from "node:crypto";
import { PassthroughError } from "../../errors/errors";
import { type PullAccount, entryHash, pullEntry } from "./pull-secret";

/** What a cluster needs to pull from a registry. */
export interface DesiredTrust {
    /** `registry.example:8443` */
    readonly host: string;
    /** PEM of the issuing CA; absent: the registry's certificate is of a public one. */
    readonly ca?: string | undefined;
    /** What nodes pull with; undefined: not known yet, in a preview. */
    readonly account: PullAccount | undefined;
    /** Replaces another CA or account that the cluster has for the registry. */
    readonly adopt: boolean;
}

/** What was written to a cluster: all that state has of it. */
export interface WrittenTrust {
    /** ConfigMap in `openshift-config` that has the CA; absent: no CA was written. */
    readonly configMap?: string | undefined;
    /** SHA-256 of the CA's text, hexadecimal. */
    readonly caHash?: string | undefined;
    /** The cluster had this CA before: it stays. */
    readonly caFound?: true | undefined;
    /** SHA-256 of the entry in the global pull secret (`entryHash`): secret, as passwords may be short. */
    readonly entryHash?: string | undefined;
}

/** SHA-256 of a CA's text, hexadecimal. */
export function caHash(pem: string): string {
    return createHash("sha256").update(pem).digest("hex");
}

/** `entryHash` of an account's entry. */
export function accountHash(account: PullAccount): string {
    return entryHash(pullEntry(account));
}

/** @param what "CA registry.example..8443 in ConfigMap openshift-config/registry-cas" */
export function trustExists(what: string): PassthroughError {
    return new PassthroughError("it exists with another content, which something else may need", {
        code: "TRUST_EXISTS",
        thing: what,
        fix: "remove it, or set cluster.adopt: true to replace it",
    });
}
