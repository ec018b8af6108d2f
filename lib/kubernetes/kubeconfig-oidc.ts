import { certificateProblems } from "./kubeconfig-cluster";
import { type Fields, type KubeconfigProblem, mappingField, textField } from "./kubeconfig-document";
import { type FileReader, readDataField } from "./kubeconfig-files";

/** The auth-provider `oidc`; tokens and the client's secret are secret. */
export interface OidcConfig {
    readonly idToken?: string;
    readonly refreshToken?: string;
    /** `idp-issuer-url`. */
    readonly issuer?: string;
    readonly clientId?: string;
    /** Absent: a public client. */
    readonly clientSecret?: string;
    /** PEM of CAs to trust for the provider, in addition to the public ones. */
    readonly ca?: string;
}

interface OidcReading {
    readonly oidc: OidcConfig;
    /** The `auth-provider`, with the contents of its CA file in place of the path. */
    readonly fields: Fields;
    readonly problems: readonly KubeconfigProblem[];
}

const CA_FIELD = "idp-certificate-authority";

/**
 * Checks the `auth-provider` of a user.
 * @param place of it: `users[admin].auth-provider`
 */
export function readOidc(provider: Fields, place: string, files: FileReader): OidcReading {
    const config = mappingField(provider, "config") ?? {};
    const { pem: ca, problems } = readDataField(config, CA_FIELD, `${place}.config`, files);
    const { [CA_FIELD]: _, ...rest } = config;
    const data = ca === undefined ? {} : { [`${CA_FIELD}-data`]: Buffer.from(ca).toString("base64") };
    return {
        oidc: {
            ...present("idToken", config["id-token"]),
            ...present("refreshToken", config["refresh-token"]),
            ...present("issuer", config["idp-issuer-url"]),
            ...present("clientId", config["client-id"]),
            ...present("clientSecret", config["client-secret"]),
            ...(ca === undefined ? {} : { ca }),
        },
        fields: { ...provider, config: { ...rest, ...data } },
        problems: [
            ...providerProblems(provider, `${place}.name`),
            ...problems,
            ...(ca === undefined ? [] : certificateProblems(ca, `${place}.config.${CA_FIELD}`)),
        ],
    };
}

function present<Name extends string>(name: Name, value: unknown): { [name in Name]?: string } {
    const text = typeof value === "string" ? value.trim() : "";
    return text === "" ? {} : ({ [name]: text } as { [name in Name]?: string });
}

function providerProblems(provider: Fields, field: string): KubeconfigProblem[] {
    if (textField(provider, "name") === "oidc") return [];
    const problem = "only the auth-provider oidc exists: kubectl has dropped the others in 1.26";
    return [{ field, problem, fix: "use the exec plugin that has taken its place" }];
}
