// All rules, in the order in which findings of one severity are told.

import { LATENCY_RULES } from './rules_latency.mjs';
import { RESOURCE_RULES } from './rules_resources.mjs';
import { STORE_RULES } from './rules_stores.mjs';
import { TRAFFIC_RULES } from './rules_traffic.mjs';

export const RULES = [...RESOURCE_RULES.slice(0, 1), ...STORE_RULES, ...TRAFFIC_RULES, ...LATENCY_RULES, ...RESOURCE_RULES.slice(1)];
