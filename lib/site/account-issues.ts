import { type RegistryKind, registryAdmin } from "../registries";
import { type AccountKey, type ReadAccountKey, setWith } from "./account-keys";
import type { ConfigIssue } from "./config-issue";

const PARTS = ["Username", "Password"] as const;
const ROBOTS_INSTEAD = "leave it out: the program creates a robot account that may only pull";
const twoAdmins = (stack: string): ConfigIssue => ({
    key: "registryToken",
    problem: "registryUsername or registryPassword is set as well",
    fix: `remove one of them with: npm run pulumi -- config rm <key> --stack ${stack}`,
});

/**
 * Flat keys that are missing, half set, or not used by this kind of registry.
 * @param stack named in the commands that fix it
 * @param isDeployed the program runs the registry, and makes its accounts
 */
export function accountIssues(
    read: ReadAccountKey,
    kind: RegistryKind,
    stack: string,
    isDeployed = false,
): ConfigIssue[] {
    if (isDeployed) return deployedIssues(read);
    const { capabilities, tokenUsername } = registryAdmin(kind);
    const { robotAccounts } = capabilities;
    const takesToken = tokenUsername !== undefined;
    const isSet = (key: AccountKey) => read(key) !== undefined;
    const unused = (key: AccountKey, fix: string): ConfigIssue => ({ key, problem: `${kind} does not use it`, fix });
    const missing = (key: AccountKey) => ((read(key) ?? "") === "" ? [missingIssue(key, stack)] : []);
    const pullerKeys = PARTS.map((part) => `puller${part}` as const);
    const registryKeys = PARTS.map((part) => `registry${part}` as const);
    const hasToken = isSet("registryToken");
    // A puller of its own is optional, half of one is a mistake.
    const needsPuller = !robotAccounts && pullerKeys.some(isSet);
    return [
        ...[...(takesToken && hasToken ? [] : registryKeys), ...(needsPuller ? pullerKeys : [])].flatMap(missing),
        ...(robotAccounts ? pullerKeys.filter(isSet).map((key) => unused(key, ROBOTS_INSTEAD)) : []),
        ...(hasToken && !takesToken ? [unused("registryToken", "set registryUsername and registryPassword")] : []),
        ...(hasToken && takesToken && registryKeys.some(isSet) ? [twoAdmins(stack)] : []),
        ...(hasToken ? missing("registryToken") : []),
        ...superuserIssues(read("superuserPassword"), kind),
    ];
}

function deployedIssues(read: ReadAccountKey): ConfigIssue[] {
    const logins = ["registry", "puller"].flatMap((role) => PARTS.map((part) => `${role}${part}`));
    const keys = [...logins, "registryToken", "superuserPassword"];
    const set = (keys as AccountKey[]).filter((key) => read(key) !== undefined);
    const fix = "leave it out: the program makes the accounts of a registry that it runs";
    return set.map((key) => ({ key, problem: "site.registry.deploy is set", fix }));
}

/**
 * What is wrong with the account of the HTTP proxy.
 * @param proxy `site.registry.proxy`; undefined: there is none
 */
export function proxyAccountIssues(read: ReadAccountKey, proxy: string | undefined, stack: string): ConfigIssue[] {
    const keys = ["proxyUsername", "proxyPassword"] as const;
    const set = keys.filter((key) => read(key) !== undefined);
    if (proxy !== undefined) {
        return set.length === 0
            ? []
            : keys.flatMap((key) => ((read(key) ?? "") === "" ? [missingIssue(key, stack)] : []));
    }
    return set.map((key) => ({
        key,
        problem: "site.registry.proxy, which it is for, is not set",
        fix: `remove it with: npm run pulumi -- config rm ${key} --stack ${stack}`,
    }));
}

/** Quay rejects passwords that are shorter than 8 characters or contain whitespace. */
function superuserIssues(password: string | undefined, kind: RegistryKind): ConfigIssue[] {
    if (password === undefined) return [];
    const issue = (problem: string, fix: string) => [{ key: "superuserPassword", problem, fix }];
    if (registryAdmin(kind).superuser === undefined) return issue(`${kind} does not use it`, "leave it out");
    if (password.length >= 8 && !/\s/.test(password)) return [];
    return issue("it is too short, or contains whitespace", "use 8 characters or more, without whitespace");
}

function missingIssue(key: AccountKey, stack: string): ConfigIssue {
    return { key, problem: "it is not set", fix: setWith(key, !key.endsWith("Username"), stack) };
}
