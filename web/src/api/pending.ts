export interface UploadReport {
  accepted: number;
  duplicates: number;
  series: string[];
  refused: { name: string; code: string; reason: string }[];
}
