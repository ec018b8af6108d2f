/** How a cloud issues a password. */
interface TemporaryPassword {
    readonly command: string;
    readonly lifetime: string;
}

/** By user name: passwords that clouds issue for some hours, and that do not show when they expire. */
const TEMPORARY: ReadonlyMap<string, TemporaryPassword> = new Map([
    // docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    ["AWS", { command: "aws ecr get-login-password", lifetime: "12 hours" }],
    // learn.microsoft.com/azure/container-registry/container-registry-authentication
    ["00000000-0000-0000-0000-000000000000", { command: "az acr login --expose-token", lifetime: "3 hours" }],
    // docs.cloud.google.com/artifact-registry/docs/docker/authentication
    ["oauth2accesstoken", { command: "gcloud auth print-access-token", lifetime: "1 hour" }],
]);

/** What follows for clusters from an account whose password expires after some hours; undefined for every other account. */
export function temporaryPasswordNote(username = ""): string | undefined {
    const found = TEMPORARY.get(username);
    if (found === undefined) return undefined;
    return (
        `the password of ${username} is valid for ${found.lifetime}: every later run needs a new one, and a pull secret with ` +
        "this account stops working then; give clusters an account that stays valid (pullerUsername, pullerPassword), or let their " +
        "nodes log in by themselves"
    );
}

/** The fix for a rejected account whose password expires after some hours; undefined for every other account. */
export function temporaryPasswordFix(username = ""): string | undefined {
    const found = TEMPORARY.get(username);
    if (found === undefined) return undefined;
    return (
        `get a new password (\`${found.command}\`, valid for ${found.lifetime}), set it as registryPassword, and run again; ` +
        "if the one you have has not expired, give the account the right it lacks"
    );
}
