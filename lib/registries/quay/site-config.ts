import { parseBody } from "../admin-client";
import { z } from "zod";
import { RegistryError, type RequestContext } from "../../errors/errors";

import { type QuayApi, expect } from "./quay-api";

/** Quay's public `/config`, as far as it matters here: features are named without FEATURE_. */
const siteConfig = z.object({
    config: z.object({ AUTHENTICATION_TYPE: z.string().optional() }),
    features: z.record(z.string(), z.unknown()),
    registry_state: z.string().optional(),
    version_number: z.string().optional(),
});

export interface QuaySettings {
    /** "3.16.0"; Quay reports it since 3.16. */
    readonly version?: string;
    readonly isReadOnly: boolean;
    /** Accounts are Quay's own, not those of a directory. */
    readonly hasOwnAccounts: boolean;
    /** True for FEATURE_<name>: on. Unknown ones are off. */
    has(feature: string): boolean;
}

/** @throws RegistryError for what is no Quay, or one that is older than 3.8 */
export async function readSettings(api: QuayApi): Promise<QuaySettings> {
    const response = await api.get("/config");
    if (response.status === 404) throw notQuay(response.context, "there is no Quay >= 3.8 here (404)");
    const { config, features, registry_state, version_number } = parseBody(expect(response, 200), siteConfig);
    const version = /\d+\.\d+\S*/.exec(version_number ?? "")?.[0];
    if (version !== undefined && isBefore38(version)) throw notQuay(response.context, `this is Quay ${version}`);
    return {
        ...(version === undefined ? {} : { version }),
        isReadOnly: registry_state === "readonly",
        hasOwnAccounts: config.AUTHENTICATION_TYPE === "Database",
        has: (feature) => features[feature] === true,
    };
}

function isBefore38(version: string): boolean {
    const [major = 0, minor = 0] = version.split(".").map(Number);
    return major < 3 || (major === 3 && minor < 8);
}

/** What is there is no Quay, or one that is too old. */
export function notQuay(context: RequestContext, problem: string): RegistryError {
    return new RegistryError(problem, {
        ...context,
        code: "REGISTRY_VERSION_UNSUPPORTED",
        fix: "check site.registry.mirrorBase and site.registry.type, or upgrade to Quay >= 3.8 (mirror-registry >= 1.3)",
    });
}
