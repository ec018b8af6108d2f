/** What is used of the auth provider of @kubernetes/client-node: it refreshes an id token that has expired. */
interface OidcProvider {
    applyAuthentication(user: object, options: { headers: Record<string, string> }): Promise<void>;
}

/**
 * The token of the auth-provider `oidc`, refreshed if it has expired.
 * @param config of the kubeconfig; a new refresh token is kept in it, as the provider may accept each only once
 */
export async function oidcToken(config: Readonly<Record<string, string>>): Promise<string> {
    // The whole package takes two seconds and 70 MB to load, and is an ES module.
    const { OpenIDConnectAuth } = await import("@kubernetes/client-node/dist/oidc_auth.js");
    const provider: OidcProvider = new OpenIDConnectAuth();
    const options = { headers: {} as Record<string, string> };
    try {
        await provider.applyAuthentication({ name: "", authProvider: { name: "oidc", config } }, options);
    } catch {
        // Its error may quote the response of the token endpoint.
        throw new Error(`the OpenID provider ${config["idp-issuer-url"] ?? ""} did not renew the expired id-token`);
    }
    const token = /^Bearer (.+)$/.exec(options.headers["Authorization"] ?? "")?.[1];
    if (token !== undefined) return token;
    throw new Error("the id-token has expired, and client-id, refresh-token or idp-issuer-url are not set to renew it");
}
