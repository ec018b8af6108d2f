/** How a cloud gives out a password. */
interface TemporaryPassword {
    readonly command: string;
    readonly lifetime: string;
}

/** User names that clouds give out with a password for some hours: what the password is does not show that it is over. */
const TEMPORARY: Readonly<Record<string, TemporaryPassword>> = {
    // docs.aws.amazon.com/AmazonECR/latest/userguide/registry_auth.html
    AWS: { command: "aws ecr get-login-password", lifetime: "12 hours" },
    // learn.microsoft.com/azure/container-registry/container-registry-authentication
    "00000000-0000-0000-0000-000000000000": { command: "az acr login --expose-token", lifetime: "3 hours" },
    // docs.cloud.google.com/artifact-registry/docs/docker/authentication
    oauth2accesstoken: { command: "gcloud auth print-access-token", lifetime: "1 hour" },
};

/** What follows for clusters from an account whose password ends after some hours; undefined for every other account. */
export function temporaryPasswordNote(username: string | undefined): string | undefined {
    const found = find(username);
    if (found === undefined) return undefined;
    return (
        `the password of ${username ?? ""} is valid for ${found.lifetime}: every later run needs a new one, and a pull secret with ` +
        "this account ends with it; give clusters an account that stays valid (pullerUsername, pullerPassword), or let their " +
        "nodes log in by themselves"
    );
}

/** The fix for a rejected account whose password ends after some hours; undefined for every other account. */
export function temporaryPasswordFix(username: string | undefined): string | undefined {
    const found = find(username);
    if (found === undefined) return undefined;
    return (
        `get a new password (\`${found.command}\`, valid for ${found.lifetime}), set it as registryPassword, and run again; ` +
        "if the one you have is not over, give the account the right it lacks"
    );
}

function find(username: string | undefined): TemporaryPassword | undefined {
    return username === undefined || !Object.hasOwn(TEMPORARY, username) ? undefined : TEMPORARY[username];
}
