// What Grafana's own schema calls a dashboard, made strict: panels are of the kinds that stand here, with the options of their
// kind and no others, and every word is one of those that there are. The schema itself leaves options open, and its enums take no
// words. Whatever it does not know of Prometheus' queries is `@grafana/prometheus`'s.
import type * as schema from "@grafana/schema";
import type { Options as StatOptions } from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen";
import type { Options as TableOptions } from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen";
import type { Options as GraphOptions } from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen";

/** As JSON has it: words for enums. */
type Written<T> = T extends string ? `${T}` : T extends (infer E)[] ? Written<E>[] : T extends object ? { [K in keyof T]: Written<T[K]> } : T;

interface Query extends Written<Omit<schema.DataQuery, "datasource">> {
  datasource: { type: "prometheus"; uid: "${datasource}" };
  editorMode: "code";
  exemplar?: boolean;
  expr: string;
  format?: "time_series" | "table" | "heatmap";
  instant?: boolean;
  legendFormat: string;
  range: boolean;
}

interface Fields<Custom> {
  defaults: Written<Omit<schema.FieldConfig, "custom">> & { custom?: Written<Custom> };
  overrides: Written<schema.FieldConfigSource["overrides"]>;
}

type Open = "type" | "options" | "fieldConfig" | "targets" | "datasource";

interface PanelOf<Kind extends string, Options, Custom> extends Written<Omit<schema.Panel, Open>> {
  type: Kind;
  title: string;
  description: string;
  datasource: { type: "prometheus"; uid: "${datasource}" };
  fieldConfig: Fields<Custom>;
  options: Written<Options>;
  targets: Query[];
}

type Row = Omit<Written<schema.RowPanel>, "panels"> & { panels: [] };

type Panel =
  | Row
  | PanelOf<"stat", StatOptions, never>
  | PanelOf<"table", TableOptions, schema.TableFieldOptions>
  | PanelOf<"timeseries", GraphOptions, schema.GraphFieldConfig>;

export type Dashboard = Omit<Written<schema.Dashboard>, "panels"> & { panels: Panel[] };
