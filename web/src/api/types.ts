import type { components } from './schema';

type Schemas = components['schemas'];

export type Attempt = Schemas['AttemptView'];
export type CheckResult = Schemas['CheckView'];
export type Confidentiality = Schemas['ConfidentialityItem'];
export type ConfidentialityRequest = Schemas['ConfidentialityRequest'];
export type DataRequest = Schemas['DataRequest'];
export type Delivery = Schemas['DeliveryProgressItem'];
export type DeliveryItem = Schemas['DeliveryItem'];
export type Extension = Schemas['ExtensionItem'];
export type Failure = Schemas['FailureView'];
export type Job = Schemas['JobView'];
export type LogPart = Schemas['LogPart'];
export type Me = Schemas['Myself'];
export type Member = Schemas['MemberItem'];
export type MyProject = Schemas['ProjectItem'];
export type NewToken = Schemas['NewToken'];
/** The site fills in what is left out. */
export type NewPeer = Partial<Schemas['NewPeer']> & Pick<Schemas['NewPeer'], 'name'>;
export type Peer = Schemas['PeerItem'];
export type PeerBody = Schemas['PeerBody'];
export type Pull = Schemas['PullProgressItem'];
export type PullItem = Schemas['PullItem'];
export type PullRequest = Schemas['PullRequest'];
export type RemoteStudy = Schemas['RemoteStudyItem'];
export type Result = Schemas['ResultView'];
export type RunDetail = Schemas['RunDetail'];
export type RunItem = Schemas['RunItem'];
export type SignInLink = Schemas['SignInLink'];
export type Task = Schemas['TaskView'];
export type Token = Schemas['TokenItem'];
export type UploadReport = Schemas['UploadReport'];
export type User = Schemas['UserItem'];
export type WorkflowDetail = Schemas['WorkflowDetail'];
export type WorkflowItem = Schemas['WorkflowItem'];

export type Attribute = Schemas['Attribute'];
export type Dataset = Schemas['DatasetItem'];
export type QuarantineItem = Schemas['QuarantineItem'];
export type Restored = Schemas['RestoredItem'];
export type Finding = Schemas['FindingItem'];
export type SeriesDetail = Schemas['SeriesDetail'];
export type SeriesFacets = Schemas['SeriesFacets'];
export type SeriesItem = Schemas['SeriesItem'];
export type TrashItem = Schemas['TrashItem'];
