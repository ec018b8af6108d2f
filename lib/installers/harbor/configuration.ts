import { stringify } from "yaml";
import { z } from "zod";
import { PassthroughError } from "../../errors/errors";
import { parseBoundedYaml } from "../../oci/bounded-yaml";
import { type Installation, type InstallationSecrets, installationPaths } from "../installation";

/** Keys that this program sets are replaced; those it does not know stay as the version has them. */
const template = z.looseObject({
    hostname: z.string(),
    https: z.looseObject({}),
    database: z.looseObject({}),
    _version: z.string(),
});

/** Folder of Harbor's content, database and keys. */
export function harborData({ directory }: Pick<Installation, "directory">): string {
    return `${directory}/data`;
}

/**
 * The `harbor.yml` of an installation: the template that the installer of this version brings along, with what differs here.
 * So keys that a version adds have its own defaults, and `prepare migrate`, which adds them to the file of an earlier
 * version, is not needed (make/photon/prepare/utils/configs.py reads many of them without a default).
 * @param templateText of `harbor.yml.tmpl`
 * @throws PassthroughError `INSTALLER_INVALID`
 */
export function harborConfiguration(
    templateText: string,
    installation: Installation,
    { password, database }: InstallationSecrets,
): string {
    const parsed = template.safeParse(parseTemplate(templateText));
    if (!parsed.success) {
        throw new PassthroughError("its harbor.yml.tmpl is not as those of Harbor 2", {
            code: "INSTALLER_INVALID",
            thing: installation.installer.path,
            fix: "name an offline installer of Harbor 2.10 or newer",
        });
    }
    const { host, port, httpPort } = installation;
    const { certificate, key } = installationPaths(installation);
    const { data } = parsed;
    return stringify(
        {
            ...data,
            hostname: host,
            // It cannot be left out: the proxy's port is published, and redirects to that of https (nginx.https.conf.jinja).
            http: { port: httpPort },
            https: { ...data.https, port, certificate, private_key: key },
            // Of the first start only (src/core: the account is in the database from then on).
            harbor_admin_password: password,
            database: { ...data.database, password: database },
            // `prepare` reads it with grep and awk: plain, and on one line.
            data_volume: harborData(installation),
        },
        // `prepare` reads YAML 1.1, where more texts are no strings without quotes.
        { version: "1.1", lineWidth: 0 },
    );
}

function parseTemplate(text: string): unknown {
    try {
        return parseBoundedYaml(text);
    } catch {
        return undefined;
    }
}
