import { randomBytes } from "node:crypto";
import { hash } from "bcryptjs";
import type { Credentials } from "../../http/credentials";
import type { Instance } from "./deployment";

/** The accounts of a deployed registry: secret, all of it. */
export interface RegistryAccounts {
    /** Counts rotations; part of the user names, so that an earlier password stays valid beside the new one. */
    readonly generation: number;
    /** Pushes, at the one instance. */
    readonly importer: Credentials;
    /** Pulls, from the other one. */
    readonly puller: Credentials;
    /** Lines of the htpasswd file of each instance: the present account, and those before it that are still valid. */
    readonly lines: Readonly<Record<Instance, readonly string[]>>;
}

/** As `htpasswd -B`: each request costs the registry one comparison, and a password of 24 random bytes cannot be guessed. */
const COST = 5;
const PASSWORD_BYTES = 24;

/**
 * The present account, the one that clusters have, and the one that a cluster still has which the last change has not reached:
 * the registry knows nothing of clusters.
 */
const KEPT = 3;

/**
 * The next generation of both accounts; the two before stay valid.
 * @param before undefined: there is none
 * @param wasTaken whether the registry took `before` to the end; if not, clusters may have a generation before that one, so all
 * of them stay
 */
export async function nextAccounts(before: RegistryAccounts | undefined, wasTaken = true): Promise<RegistryAccounts> {
    const generation = (before?.generation ?? 0) + 1;
    const [importer, puller] = [newAccount("importer", generation), newAccount("puller", generation)];
    const lines = async (account: Credentials, earlier: readonly string[] = []) =>
        [await htpasswdLine(account), ...earlier].slice(0, keptAfter(wasTaken));
    return {
        generation,
        importer,
        puller,
        lines: {
            push: await lines(importer, before?.lines.push),
            pull: await lines(puller, before?.lines.pull),
        },
    };
}

/** User names of what `nextAccounts` makes, of the accounts before that stay valid, the newest first, and of those that end. */
export function accountsAfter(before: RegistryAccounts, wasTaken: boolean) {
    const { generation, lines } = before;
    const made = ["importer", "puller"].map((role) => userName(role, generation + 1));
    const earlier = [lines.push, lines.pull].map((all) => all.map((line) => line.replace(/:.*/s, "")));
    const rest = keptAfter(wasTaken) - 1;
    return {
        made,
        kept: earlier.flatMap((names) => names.slice(0, rest)),
        ended: earlier.flatMap((names) => names.slice(rest)),
    };
}

function keptAfter(wasTaken: boolean): number {
    return wasTaken ? KEPT : Infinity;
}

/** The htpasswd file of an instance. */
export function htpasswd({ lines }: RegistryAccounts, instance: Instance): string {
    return lines[instance].map((line) => `${line}\n`).join("");
}

function userName(role: string, generation: number): string {
    return `${role}-${generation}`;
}

function newAccount(role: string, generation: number): Credentials {
    return { username: userName(role, generation), password: randomBytes(PASSWORD_BYTES).toString("base64url") };
}

async function htpasswdLine({ username, password }: Credentials): Promise<string> {
    return `${username}:${await hash(password, COST)}`;
}
