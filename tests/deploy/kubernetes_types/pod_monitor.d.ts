// The part of the Prometheus Operator's PodMonitor that deploy/kubernetes uses; kubernetes-types
// holds only the types of Kubernetes itself.
// https://prometheus-operator.dev/docs/api-reference/api/#monitoring.coreos.com/v1.PodMonitor

import { LabelSelector, ObjectMeta } from "kubernetes-types/meta/v1";

export interface PodMonitor {
  apiVersion: "monitoring.coreos.com/v1";
  kind: "PodMonitor";
  metadata: ObjectMeta;
  spec: {
    selector: LabelSelector;
    podMetricsEndpoints: {
      port: string;
      path?: string;
      interval?: string;
      scrapeTimeout?: string;
    }[];
  };
}
