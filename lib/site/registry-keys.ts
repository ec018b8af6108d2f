import { z } from "zod";
import { deployKeys } from "./deploy-keys";
import { OFFERED_KINDS } from "../registries";
import { certificateKeys } from "./certificate-keys";
import { proxyUrl, size } from "./units";

/** Where the registry is, as it is configured. */
export const registryKeys = z.strictObject({
    type: z.enum(OFFERED_KINDS).meta({
        description:
            "The kind of registry (docs/registries.md). `distribution` is any plain OCI registry without an administration API",
        examples: ["distribution"],
        fix: `write one of: ${OFFERED_KINDS.join(", ")}`,
    }),
    mirrorBase: z
        .string()
        .min(1)
        .meta({
            description:
                "Where the mirror is: `host[:port]/path`. Images are stored at `<mirrorBase>/<upstream-host>/<path>`. Harbor: " +
                "the path is exactly the name of a project. Quay and mirror-registry: it is exactly the name of an organization. " +
                "JFrog: it is exactly the key of a local Docker repository",
            examples: ["registry.site-a.example:8443/mirror"],
            fix: "write host[:port]/path, as in registry.site-a.example:8443/mirror",
        }),
    pushHost: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "`host[:port]` of a second instance of the registry on the same storage, that images are pushed to, and read " +
                "again by what pushes. That of `mirrorBase` may then refuse every push. Only for `distribution`, whose accounts " +
                "may all push (docs/registries.md#an-instance-that-takes-pushes)",
            examples: ["push.registry.site-a.example:8443"],
            defaultText: "host and port of mirrorBase",
            fix: "write host[:port], as in push.registry.site-a.example:8443",
        }),
    ca: z
        .string()
        .min(1)
        .optional()
        .meta({
            description:
                "PEM file of the CA that issued the registry's certificate, or of several, while one takes the place of another " +
                "(docs/how-to/change-the-registry.md). They are trusted in addition to the public CAs. What the certificate " +
                "needs: docs/security.md#tls",
            examples: ["certs/site-a-ca.pem"],
            defaultText: "public CAs only",
            fix: "give the PEM file of the CA that issued the registry's certificate",
        }),
    certificate: certificateKeys.optional().meta({
        description:
            "The certificate that the registry itself shows, as code: brought along, or issued by a CA of the site " +
            "(docs/how-to/registry-certificate.md). Outputs of the stack have it with its private key",
        fix: "write certificate: {chainFile: <PEM file>} or certificate: {siteCa: {}}",
    }),
    clientCertificate: z
        .strictObject({
            certificateFile: z
                .string()
                .min(1)
                .meta({
                    description:
                        "PEM file with the client certificate, followed by the CAs between it and the CA that the registry trusts",
                    examples: ["certs/client.pem"],
                    fix: "give the PEM file of a client certificate",
                }),
            keyFile: z
                .string()
                .min(1)
                .optional()
                .meta({
                    description:
                        "PEM file with its private key, in place of the secret `clientKey`. Never commit it to git",
                    examples: ["/etc/passthrough/client.key"],
                    defaultText: "none: clientKey",
                    fix: "give the PEM file of the private key, not encrypted, or leave it out and set the secret clientKey",
                }),
        })
        .optional()
        .meta({
            description:
                "The certificate to show to a registry, or a proxy in front of it, that asks for client certificates. Its private " +
                "key is the secret `clientKey`. It is shown to the registry's host only (docs/security.md#client-certificates)",
            fix: "write clientCertificate: {certificateFile: <PEM file>}",
        }),
    proxy: proxyUrl()
        .optional()
        .meta({
            description:
                "HTTP proxy that the registry, its token service and its storage are reached through: `http://host:port`, " +
                "`https://host:port`, or `environment` for HTTPS_PROXY and NO_PROXY. Without this key those variables are not used. " +
                "An account of the proxy is proxyUsername and proxyPassword (docs/registries.md#through-a-proxy)",
            examples: ["http://proxy.site-a.example:3128"],
            defaultText: "none: connections are direct",
            fix:
                "write http://<host>:<port>, https://<host>:<port> or environment; an account of the proxy goes into " +
                "proxyUsername and the secret proxyPassword",
        }),
    plainHttp: z
        .boolean()
        .optional()
        .meta({
            description:
                "Use HTTP without TLS. Allowed for a registry on loopback only. TLS verification itself cannot be switched off",
            examples: [true],
            defaultText: "false",
            fix: "write true or false",
        }),
    deploy: deployKeys.optional().meta({
        description:
            "Has the program run the registry itself: `distribution`, in a cluster or on a host, or `mirror-registry` and `harbor` on a " +
            "host, by their own installers. It makes the accounts then, so that registryUsername and pullerUsername are not set",
        fix:
            "write deploy: {cluster: {image, storage: {size}}}, deploy: {host: {address, hostKey, image}} or deploy: {installer: " +
            "{host, version, file, sha256}}",
    }),
    adopt: z
        .boolean()
        .optional()
        .meta({
            description:
                "Whether a Harbor project, Quay organization or Artifactory repository that already exists, and is not empty, may " +
                "be used: after a lost state, or one that others created. The first preview then asks the registry, and shows what would " +
                "change in it. `distribution` has no projects: images that are there are used with or without this key, " +
                "and with it the preview says so",
            examples: [true],
            defaultText: "false",
            fix: "write true or false",
        }),
    quota: size()
        .optional()
        .meta({
            description:
                "Storage quota of the project, decimal (`500GB`) or binary (`2TiB`). Harbor only; the configured account must be " +
                "a system administrator. A quota below the content (blobs of all sets, each once) is rejected",
            exampleText: "500GB",
            defaultText: "the quota that the registry sets",
            fix: "write a size in quotes, as in 500GB or 2TiB",
        }),
});
