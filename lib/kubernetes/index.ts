export { flattenKubeconfigFile, readKubeconfig } from "./kubeconfig";
export { FLATTEN } from "./kubeconfig-document";
