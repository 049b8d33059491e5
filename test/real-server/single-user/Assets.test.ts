import { assetsSuite } from "../suites/Assets.ts"

assetsSuite("the only user")
