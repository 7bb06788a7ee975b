import { client } from './client';

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
  references: SeriesItem[];
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
  created_at: string;
  updated_at: string;
}
export interface UploadReport {
  accepted: number;
  duplicates: number;
  series: string[];
  refused: { name: string; code: string; reason: string }[];
}
export interface QuarantineItem {
  id: string;
  code: string;
  reason: string;
  door: string;
  sender: string;
  name: string;
  size: number;
  received_at: string;
}

// biome-ignore lint/suspicious/noExplicitAny: until the routes are in the generated schema
export const pendingClient = client as any;
