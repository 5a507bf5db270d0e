export { decodeAffine, decodeWholeAffine } from "./decode";
export { affinePlanes, type AffineWindow, affineWindow, gather, type PlaneRead, type Region } from "./window";
