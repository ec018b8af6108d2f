import { RegistryError } from "../../../lib/errors/errors";
import { creationFix } from "../../../lib/passthrough/doctor/creation-fix";
import { missingRepositoriesError } from "../../../lib/passthrough/doctor/missing-repositories";

const ECR = "123456789012.dkr.ecr.eu-central-1.amazonaws.com";

test.each([
    ECR,
    "123456789012.dkr.ecr-fips.eu-central-1.amazonaws.com",
    "123456789012.dkr-ecr.eu-central-1.on.aws",
    "123456789012.dkr.ecr.eu-central-1.amazonaws.com.cn",
])("repositories of %s are created by the AWS CLI, in the region of the host", (host) => {
    expect(creationFix(host, ["mirror/quay.io/org/app"])).toContain(
        "plan --repositories | xargs -n 1 aws ecr create-repository --region eu-central-1 --repository-name`",
    );
});

test("at Artifact Registry one repository is created, for all images below it", () => {
    const fix = creationFix("europe-west3-docker.pkg.dev", ["my-project/mirror/quay.io/org/app"]);
    expect(fix).toContain(
        "gcloud artifacts repositories create mirror --repository-format=docker --location=europe-west3 --project=my-project`",
    );
});

test.each([
    [undefined, "mirror/quay.io/org/app"],
    ["registry.example:8443", "mirror/quay.io/org/app"],
    ["public.ecr.aws", "alias/quay.io/org/app"],
    ["europe-west3-docker.pkg.dev", "example.com/my-project/mirror/quay.io/app"],
    ["docker.pkg.dev", "my-project/mirror/quay.io/app"],
    ["123456789012.dkr.ecr.eu-central-1.amazonaws.com.evil.example", "mirror/quay.io/org/app"],
])("whose registry %s is, is not guessed", (host, repository) => {
    expect(creationFix(host, [repository])).toBeUndefined();
});

test("the error that names them has the command; elsewhere it says what prints their names", () => {
    const rejected = (registry: string) =>
        new RegistryError("does not exist", { registry, operation: "POST", code: "NAME_UNKNOWN", status: 404 });
    const fixAt = (registry: string) => missingRepositoriesError(rejected(registry), ["mirror/app"]).fix;
    expect(fixAt(ECR)).toContain("aws ecr create-repository");
    expect(fixAt("registry.example")).toContain("plan --repositories prints all");
});
