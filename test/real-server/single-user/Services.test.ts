import { services, servicesSuite } from "../suites/services.ts"

servicesSuite("the only user", services(), { admin: true })
