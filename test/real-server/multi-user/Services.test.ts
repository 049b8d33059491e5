import { services, servicesSuite } from "../suites/services.ts"
import * as Support from "../Support.ts"

servicesSuite("a user", services(Support.accounts[1]), { admin: false })
