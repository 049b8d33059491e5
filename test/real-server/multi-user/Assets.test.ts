import { assetsSuite } from "../suites/Assets.ts"
import * as Support from "../Support.ts"

assetsSuite("a user", Support.accounts[1])
