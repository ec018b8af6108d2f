/** Endpoints of private registries (docs.aws.amazon.com/general/latest/gr/ecr.html). */
const ECR = /^\d{12}\.dkr[.-]ecr(?:-fips)?\.([a-z0-9-]+)\.(?:amazonaws\.com(?:\.cn)?|on\.aws)$/;

/** Hosts and paths of Docker repositories (docs.cloud.google.com/artifact-registry/docs/docker/names). */
const ARTIFACT_REGISTRY = /^([a-z0-9-]+)-docker\.pkg\.dev$/;
const PROJECT_AND_REPOSITORY = /^([a-z][a-z0-9-]+)\/([a-z][a-z0-9-]*)\//;

/**
 * How missing repositories are created at a registry whose host tells whose it is.
 * @param registry `host[:port]`
 * @param repositories paths at the registry
 * @returns the fix of an error; undefined for any other registry
 */
export function creationFix(registry: string | undefined, repositories: readonly string[]): string | undefined {
    const command = ecrCommand(registry) ?? artifactRegistryCommand(registry, repositories[0]);
    return command === undefined ? undefined : `create what is missing with \`${command}\`, then run again`;
}

function ecrCommand(registry = ""): string | undefined {
    const region = ECR.exec(registry)?.[1];
    if (region === undefined) return undefined;
    const create = `aws ecr create-repository --region ${region} --repository-name`;
    return `npm run -s passthrough -- plan --repositories | xargs -n 1 ${create}`;
}

/** One repository of Artifact Registry holds all images below its name. */
function artifactRegistryCommand(registry = "", path = ""): string | undefined {
    const location = ARTIFACT_REGISTRY.exec(registry)?.[1];
    const [, project, repository] = PROJECT_AND_REPOSITORY.exec(path) ?? [];
    if (location === undefined || project === undefined || repository === undefined) return undefined;
    const place = `--location=${location} --project=${project}`;
    return `gcloud artifacts repositories create ${repository} --repository-format=docker ${place}`;
}
