export interface Person {
  id: string;
  name: string;
  display_name: string;
  is_administrator: boolean;
  must_set_password?: boolean;
}
export interface MyProject {
  name: string;
  title: string;
  role: string;
  permissions: string[];
}
export interface Me {
  user: Person;
  projects: MyProject[];
  site_permissions: string[];
  csrf_token: string;
  site_name: string;
  version: string;
}
export interface Preview {
  state: string;
  note: string | null;
  url: string | null;
}
export interface SeriesItem {
  id: string;
  series_uid: string;
  study_uid: string;
  modality: string;
  description: string;
  body_part: string;
  series_number: number | null;
  patient_id: string;
  patient_name: string;
  study_date: string | null;
  study_description: string;
  instance_count: number;
  size: number;
  received_at: string;
  preview: Preview;
  results: string[];
}
export interface SeriesCounts {
  series: number;
  studies: number;
  patients: number;
}
export interface SeriesPage {
  items: SeriesItem[];
  next_cursor: string | null;
  total: SeriesCounts;
}
export interface FacetValue {
  value: string;
  count: number;
}
export type Facets = Record<string, FacetValue[]>;
export interface SeriesDetail extends SeriesItem {
  viewer_url: string;
  references?: SeriesItem[];
  referenced_by?: SeriesItem[];
  [more: string]: unknown;
}
export interface Attribute {
  tag: string;
  keyword: string;
  name: string;
  vr: string;
  value: string;
}
export interface Dataset {
  name: string;
  description: string;
  version: number;
  series_count: number;
  created_at?: string;
  updated_at?: string;
}
export interface WorkflowItem {
  name: string;
  title: string;
  description: string;
  version: string;
  maturity: string;
  modality: string[];
  state: string;
}
