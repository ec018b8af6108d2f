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
    /** Lines of the htpasswd file of each instance: the present account, and the one before it. */
    readonly lines: Readonly<Record<Instance, readonly string[]>>;
}

/** As `htpasswd -B`: each request costs the registry one comparison, and a password of 24 random bytes cannot be guessed. */
const COST = 5;
const PASSWORD_BYTES = 24;
/** The present account, and the one that clusters may still have. */
const KEPT = 2;

/**
 * The next generation of both accounts; the one before stays valid.
 * @param before undefined: there is none
 * @param wasTaken whether the registry took `before` to the end; if not, clusters may have a generation before that one, so all
 * of them stay
 */
export async function nextAccounts(before: RegistryAccounts | undefined, wasTaken = true): Promise<RegistryAccounts> {
    const generation = (before?.generation ?? 0) + 1;
    const [importer, puller] = [newAccount("importer", generation), newAccount("puller", generation)];
    const lines = async (account: Credentials, earlier: readonly string[] = []) =>
        [await htpasswdLine(account), ...earlier].slice(0, wasTaken ? KEPT : undefined);
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

/** The htpasswd file of an instance. */
export function htpasswd({ lines }: RegistryAccounts, instance: Instance): string {
    return lines[instance].map((line) => `${line}\n`).join("");
}

function newAccount(role: string, generation: number): Credentials {
    return { username: `${role}-${generation}`, password: randomBytes(PASSWORD_BYTES).toString("base64url") };
}

async function htpasswdLine({ username, password }: Credentials): Promise<string> {
    return `${username}:${await hash(password, COST)}`;
}
